use std::sync::Arc;

use portcullis_crds::{Connection, ConnectionClass, ConnectionClassSpec};

use super::*;

/// A sidecar Connection for pods of `app`, on a port.
pub(super) fn connection(name: &str, app: &str, port: i64) -> Arc<Connection> {
    let object = json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
        "metadata": {"name": name, "namespace": "shop", "uid": "u"},
        "spec": {
            "protocol": "PostgreSQL",
            "upstream": {"host": "db.internal", "database": "orders"},
            "credentials": {"secretRef": {"name": "orders"}},
            "delivery": {
                "mode": "Sidecar",
                "sidecar": {"podSelector": {"matchLabels": {"app": app}}, "port": port},
            },
        },
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

pub(super) fn inputs(name: &str, app: &str, port: i64) -> Inputs {
    Inputs {
        connection: connection(name, app, port),
        class: Arc::new(ConnectionClass::new(
            "default",
            ConnectionClassSpec::default(),
        )),
        image: "portcullis-proxy:test".to_owned(),
        references: Vec::new(),
        copies: Vec::new(),
        live_replicas: None,
    }
}

#[derive(Debug, Default)]
pub(super) struct Known(pub(super) Vec<Inputs>, pub(super) Vec<Undelivered>);

impl Sidecars for Known {
    fn of(&self, namespace: &str) -> Option<Vec<Result<Inputs, Undelivered>>> {
        assert_eq!(namespace, "shop");
        let good = self.0.iter().cloned().map(Ok);
        Some(good.chain(self.1.iter().cloned().map(Err)).collect())
    }
}

/// Before the first list is complete.
#[derive(Debug)]
pub(super) struct Nothing;

impl Sidecars for Nothing {
    fn of(&self, _: &str) -> Option<Vec<Result<Inputs, Undelivered>>> {
        None
    }
}

pub(super) fn pod() -> Value {
    json!({
        "metadata": {"generateName": "shop-", "labels": {"app": "shop"}},
        "spec": {
            "serviceAccountName": "shop",
            "containers": [{"name": "app", "image": "shop:1", "ports": [{"containerPort": 8080}]}],
            "initContainers": [{"name": "migrate", "image": "shop:1"}],
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    })
}

pub(super) fn ask(known: &Known, object: Value) -> Answer {
    let request = Request {
        namespace: "shop".to_owned(),
        operation: "CREATE".to_owned(),
        object,
        ..Request::default()
    };
    inject(known, &request)
}

/// What the patch makes of a pod; it only ever adds whole fields.
pub(super) fn patched(known: &Known, object: Value) -> Value {
    let answer = ask(known, object.clone());
    assert_eq!(answer.reason(), None);
    let mut object = object;
    for step in answer.patch() {
        assert_eq!(step["op"], "add");
        let path = step["path"].as_str().unwrap();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        object.pointer_mut(parent).unwrap()[&key] = step["value"].clone();
    }
    object
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().filter_map(name).collect()
}

fn argument<'v>(container: &'v Value, flag: &str) -> Option<&'v str> {
    let arguments = container["args"].as_array().unwrap().iter();
    let mut arguments = arguments.filter_map(Value::as_str);
    arguments.find_map(|it| it.strip_prefix(flag)?.strip_prefix('='))
}

#[test]
fn the_volumes_of_a_sidecar_are_told_by_the_name_of_its_connection() {
    for name in ["orders", &"o".repeat(52)] {
        let inputs = inputs(name, "shop", 15432);
        let placement = Placement::Sidecar {
            admin_port: FIRST_ADMIN_PORT,
            caller: "shop/shop",
        };
        let volumes = json!(pod::volumes(&inputs, placement));
        assert_eq!(names(&volumes), pod::sidecar_volumes(name));
    }
}

#[test]
fn the_sidecar_comes_first_and_never_ends() {
    let known = Known(vec![inputs("orders", "shop", 15432)], Vec::new());
    let pod = patched(&known, pod());
    let containers = &pod["spec"]["initContainers"];
    assert_eq!(names(containers), ["orders-portcullis", "migrate"]);
    let sidecar = &containers[0];
    assert_eq!(sidecar["restartPolicy"], "Always");
    assert_eq!(sidecar["image"], "portcullis-proxy:test");
    assert_eq!(argument(sidecar, "--bind"), Some("127.0.0.1"));
    assert_eq!(argument(sidecar, "--port"), Some("15432"));
    assert_eq!(argument(sidecar, "--caller"), Some("shop/shop"));
    assert_eq!(argument(sidecar, "--admin"), Some("0.0.0.0:19090"));
    assert!(sidecar["startupProbe"].is_object());
    assert_eq!(
        pod["metadata"]["annotations"]["portcullis.dev/sidecars"],
        "orders"
    );
    // No other label under portcullis.dev/, which would make the pod a gateway's.
    let labels = json!({"app": "shop", "portcullis.dev/sidecar": "true"});
    assert_eq!(pod["metadata"]["labels"], labels);
}

#[test]
fn its_token_is_the_connection_s_and_mounted_in_it_alone() {
    let known = Known(vec![inputs("orders", "shop", 15432)], Vec::new());
    let pod = patched(&known, pod());
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let secret = |it: &&Value| it["secret"]["secretName"] == "orders-portcullis-token";
    let token = volumes.iter().find(secret).and_then(name).unwrap();
    let mounts = pod["spec"]["initContainers"][0]["volumeMounts"]
        .as_array()
        .unwrap();
    let mount = mounts.iter().find(|it| it["name"] == token).unwrap();
    // Where clients look, so that the pod's own token is not put there.
    assert_eq!(
        mount["mountPath"],
        "/var/run/secrets/kubernetes.io/serviceaccount"
    );
    assert_eq!(pod["spec"]["containers"][0].get("volumeMounts"), None);
    assert_eq!(pod["spec"]["serviceAccountName"], "shop");
}

#[test]
fn a_pod_that_nobody_selects_is_left_alone() {
    let known = Known(vec![inputs("billing", "billing", 15432)], Vec::new());
    assert_eq!(ask(&known, pod()), Answer::allow());
    assert_eq!(ask(&Known::default(), pod()), Answer::allow());
    let mut bare = pod();
    bare["metadata"].as_object_mut().unwrap().remove("labels");
    assert_eq!(ask(&known, bare), Answer::allow());
}

#[test]
fn no_pod_passes_before_all_connections_are_known() {
    let request = Request {
        object: pod(),
        ..Request::default()
    };
    let answer = inject(&Nothing, &request);
    assert!(answer.reason().unwrap().contains("try again"));
}

#[test]
fn injecting_again_changes_nothing() {
    let known = Known(vec![inputs("orders", "shop", 15432)], Vec::new());
    let once = patched(&known, pod());
    assert_eq!(patched(&known, once.clone()), once);
    // What somebody made of our container in a pod that was read back is not kept.
    let mut edited = once.clone();
    edited["spec"]["initContainers"][0]["image"] = json!("evil:1");
    assert_eq!(patched(&known, edited), once);
}

#[test]
fn sidecars_of_one_pod_stand_side_by_side() {
    let known = Known(
        vec![
            inputs("orders", "shop", 15432),
            inputs("audit", "shop", 15433),
        ],
        Vec::new(),
    );
    let mut object = pod();
    object["spec"]["containers"][0]["ports"] = json!([{"containerPort": 19090}]);
    let pod = patched(&known, object);
    let containers = &pod["spec"]["initContainers"];
    assert_eq!(
        names(containers),
        ["audit-portcullis", "orders-portcullis", "migrate"]
    );
    assert_eq!(argument(&containers[0], "--admin"), Some("0.0.0.0:19091"));
    assert_eq!(argument(&containers[1], "--admin"), Some("0.0.0.0:19092"));
    let mut volumes = names(&pod["spec"]["volumes"]);
    let count = volumes.len();
    volumes.sort_unstable();
    volumes.dedup();
    assert_eq!(volumes.len(), count);
}

#[test]
fn two_that_want_one_port_are_refused_by_name() {
    let known = Known(
        vec![
            inputs("orders", "shop", 15432),
            inputs("audit", "shop", 15432),
        ],
        Vec::new(),
    );
    let answer = ask(&known, pod());
    let reason = answer.reason().unwrap();
    assert!(
        reason
            .starts_with("Connections audit and orders select this pod, and both listen on 15432"),
        "{reason}"
    );
    let many = (0..=9)
        .map(|at| inputs(&format!("c{at}"), "shop", 15432 + at))
        .collect();
    let reason = ask(&Known(many, Vec::new()), pod())
        .reason()
        .unwrap()
        .to_owned();
    assert!(reason.contains("at most 8"), "{reason}");
}

#[test]
fn pods_whose_containers_reach_into_each_other_are_refused() {
    let known = Known(vec![inputs("orders", "shop", 15432)], Vec::new());
    for field in ["hostNetwork", "hostPID", "shareProcessNamespace"] {
        let mut object = pod();
        object["spec"][field] = json!(true);
        let answer = ask(&known, object.clone());
        assert!(
            answer
                .reason()
                .unwrap()
                .starts_with(&format!("spec.{field}: "))
        );
        object["spec"][field] = json!(false);
        assert!(ask(&known, object).is_allowed());
    }
    for list in ["containers", "initContainers"] {
        let mut object = pod();
        object["spec"][list][0]["securityContext"] = json!({"privileged": true});
        let answer = ask(&known, object.clone());
        assert!(
            answer
                .reason()
                .unwrap()
                .starts_with(&format!("spec.{list}[0].securityContext.privileged: "))
        );
        object["spec"][list][0]["securityContext"] = json!({"privileged": false});
        assert!(ask(&known, object).is_allowed());
    }
}

#[test]
fn no_container_waits_for_the_sidecar_s_volumes() {
    let known = Known(vec![inputs("orders", "shop", 15432)], Vec::new());
    let injected = patched(&known, pod());
    for volume in injected["spec"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(name)
    {
        let mut object = pod();
        object["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": volume, "mountPath": "/x"}]);
        assert_eq!(
            ask(&known, object).is_allowed(),
            volume == "data",
            "{volume}"
        );
    }
    let mut object = pod();
    object["spec"]["containers"][0]["name"] = json!("orders-portcullis");
    assert!(!ask(&known, object).is_allowed());
}

#[test]
fn what_cannot_be_delivered_is_told_where_it_matters() {
    let lost = |app: &str| Undelivered {
        connection: connection("orders", app, 15432),
        reason: "there is no ConnectionClass gold".to_owned(),
    };
    let known = Known(Vec::new(), vec![lost("shop")]);
    let reason = ask(&known, pod()).reason().unwrap().to_owned();
    assert_eq!(
        reason,
        "Connection orders selects this pod: there is no ConnectionClass gold"
    );
    assert_eq!(
        ask(&Known(Vec::new(), vec![lost("billing")]), pod()),
        Answer::allow()
    );
}

#[test]
fn a_pod_without_an_account_calls_as_the_default_one() {
    let known = Known(vec![inputs("orders", "shop", 15432)], Vec::new());
    let mut object = pod();
    object["spec"]
        .as_object_mut()
        .unwrap()
        .remove("serviceAccountName");
    let pod = patched(&known, object);
    assert_eq!(
        argument(&pod["spec"]["initContainers"][0], "--caller"),
        Some("shop/default")
    );
}

#[test]
fn a_port_that_the_application_uses_is_warned_about() {
    let known = Known(vec![inputs("orders", "shop", 8080)], Vec::new());
    let answer = ask(&known, pod());
    assert_eq!(
        answer.warnings(),
        ["a container of this pod listens on 8080, where the sidecar of orders does"]
    );
}
