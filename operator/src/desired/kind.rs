//! The kinds of objects that the operator makes.

use kube::api::ApiResource;

/// A kind that a Connection may own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    ConfigMap,
    Deployment,
    HorizontalPodAutoscaler,
    NetworkPolicy,
    PodDisruptionBudget,
    Role,
    RoleBinding,
    Secret,
    Service,
    ServiceAccount,
    StatefulSet,
    /// Not owned, for it lies in no namespace: the one binding of all proxies.
    ClusterRoleBinding,
}

// === impl Kind ===

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Deployment => "Deployment",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Role => "Role",
            Self::RoleBinding => "RoleBinding",
            Self::Secret => "Secret",
            Self::Service => "Service",
            Self::ServiceAccount => "ServiceAccount",
            Self::StatefulSet => "StatefulSet",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
        }
    }

    pub const fn group(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet => "apps",
            Self::HorizontalPodAutoscaler => "autoscaling",
            Self::NetworkPolicy => "networking.k8s.io",
            Self::PodDisruptionBudget => "policy",
            Self::Role | Self::RoleBinding | Self::ClusterRoleBinding => {
                "rbac.authorization.k8s.io"
            }
            Self::ConfigMap | Self::Secret | Self::Service | Self::ServiceAccount => "",
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::HorizontalPodAutoscaler => "v2",
            _ => "v1",
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Deployment => "deployments",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscalers",
            Self::NetworkPolicy => "networkpolicies",
            Self::PodDisruptionBudget => "poddisruptionbudgets",
            Self::Role => "roles",
            Self::RoleBinding => "rolebindings",
            Self::Secret => "secrets",
            Self::Service => "services",
            Self::ServiceAccount => "serviceaccounts",
            Self::StatefulSet => "statefulsets",
            Self::ClusterRoleBinding => "clusterrolebindings",
        }
    }

    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.version().to_owned(),
            group => format!("{group}/{}", self.version()),
        }
    }

    /// What a client needs to know of it.
    pub fn resource(self) -> ApiResource {
        ApiResource {
            group: self.group().to_owned(),
            version: self.version().to_owned(),
            api_version: self.api_version(),
            kind: self.name().to_owned(),
            plural: self.plural().to_owned(),
        }
    }
}
