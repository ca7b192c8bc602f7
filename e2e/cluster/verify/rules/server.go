package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// kind is one custom resource as the API server has it.
type kind struct {
	name       string
	version    string
	plural     string
	namespaced bool
	schema     object
	spec       object
}

type server struct {
	group     string
	address   string
	client    *http.Client
	namespace string
	made      int
}

// refusal is any answer but success.
type refusal struct {
	status  int
	message string
	causes  []cause
}

func (r *refusal) Error() string { return fmt.Sprintf("%d: %s", r.status, r.message) }

func connect(group string) (*server, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	client, err := rest.HTTPClientFor(config)
	return &server{group: group, address: config.Host, client: client}, err
}

func (s *server) do(method, path string, body any) (object, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, s.address+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, refused(response.StatusCode, answer)
	}
	var result object
	return result, json.Unmarshal(answer, &result)
}

func refused(status int, answer []byte) *refusal {
	var parsed struct {
		Message string `json:"message"`
		Details struct {
			Causes []cause `json:"causes"`
		} `json:"details"`
	}
	if json.Unmarshal(answer, &parsed) != nil {
		parsed.Message = string(answer)
	}
	return &refusal{status, parsed.Message, parsed.Details.Causes}
}

func (s *server) kinds() (map[string]*kind, error) {
	list, err := s.do("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", nil)
	if err != nil {
		return nil, err
	}
	found := map[string]*kind{}
	for _, item := range list["items"].([]any) {
		spec := item.(object)["spec"].(object)
		if spec["group"] != s.group {
			continue
		}
		names, version := spec["names"].(object), spec["versions"].([]any)[0].(object)
		name := names["kind"].(string)
		found[name] = &kind{
			name:       name,
			version:    version["name"].(string),
			plural:     names["plural"].(string),
			namespaced: spec["scope"] == "Namespaced",
			schema:     version["schema"].(object)["openAPIV3Schema"].(object),
		}
	}
	return found, nil
}

func (s *server) makeNamespace() error {
	made, err := s.do("POST", "/api/v1/namespaces", object{"metadata": object{"generateName": "rules-"}})
	if err == nil {
		s.namespace = made["metadata"].(object)["name"].(string)
	}
	return err
}

func (s *server) deleteNamespace() {
	if _, err := s.do("DELETE", "/api/v1/namespaces/"+s.namespace, nil); err != nil {
		fmt.Println("rules: the namespace stays:", err)
	}
}

func (s *server) path(k *kind) string {
	path := "/apis/" + s.group + "/" + k.version
	if k.namespaced {
		path += "/namespaces/" + s.namespace
	}
	return path + "/" + k.plural
}

const strictly = "?fieldValidation=Strict"
const dryRun = strictly + "&dryRun=All"

// ask tells what the API server has against replacing old by new, or against making new where there
// is no old. Nothing means that it accepts. An error means that the question could not be put.
func (s *server) ask(k *kind, old, new object) ([]cause, error) {
	if old == nil && new["status"] == nil {
		_, err := s.do("POST", s.path(k)+dryRun, s.named(k, new))
		return causes(err)
	}
	first := old
	if first == nil {
		first = new
	}
	stored, err := s.do("POST", s.path(k)+strictly, s.named(k, first))
	if err != nil {
		return nil, err
	}
	place := s.path(k) + "/" + stored["metadata"].(object)["name"].(string)
	defer s.do("DELETE", place, nil)
	if old != nil && old["status"] != nil {
		if stored, err = s.reach(place, stored, old["status"].(object)); err != nil {
			return nil, err
		}
	}
	next := copied(stored)
	next["spec"] = new["spec"]
	hasStatus := new["status"] != nil || old != nil && old["status"] != nil
	if hasStatus && (old == nil || reflect.DeepEqual(old["spec"], new["spec"])) {
		next["status"] = new["status"]
		place += "/status"
	}
	if next["status"] == nil {
		delete(next, "status")
	}
	_, err = s.do("PUT", place+dryRun, next)
	return causes(err)
}

// reach brings the status about as its life goes, because no rule lets it skip a step: approvals are
// written, then what follows from them, then who used it, then the rest.
func (s *server) reach(place string, stored, status object) (object, error) {
	step := object{"observedGeneration": status["observedGeneration"], "state": "Pending"}
	steps := []object{}
	if decisions, ok := status["decisions"].([]any); ok {
		step["decisions"] = slices.DeleteFunc(slices.Clone(decisions), func(one any) bool {
			return one.(object)["decision"] == "Revoke"
		})
		steps = append(steps, copied(step))
	}
	if status["grant"] != nil {
		step["conditions"], step["grant"] = status["conditions"], status["grant"]
		if status["state"] != "Pending" {
			step["state"] = "Approved"
		}
		steps = append(steps, copied(step))
		if status["usage"] != nil {
			step["usage"] = status["usage"]
			steps = append(steps, copied(step))
		}
	}
	var err error
	for _, one := range append(steps, status) {
		stored["status"] = one
		if stored, err = s.do("PUT", place+"/status"+strictly, stored); err != nil {
			return nil, fmt.Errorf("a status on the way is refused: %w", err)
		}
	}
	return stored, nil
}

func (s *server) named(k *kind, body object) object {
	s.made++
	whole := copied(body)
	whole["apiVersion"], whole["kind"] = s.group+"/"+k.version, k.name
	whole["metadata"] = object{"name": fmt.Sprintf("%s-%d", s.namespace, s.made)}
	return whole
}

func causes(err error) ([]cause, error) {
	refusal, ok := err.(*refusal)
	if !ok {
		return nil, err
	}
	if refusal.status == http.StatusUnprocessableEntity {
		return refusal.causes, nil
	}
	return nil, err
}
