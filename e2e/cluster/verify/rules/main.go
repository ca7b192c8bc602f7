// Command rules asks a real API server about every rule and every bound of our kinds, as they are
// installed there under a group:
//
//   - the cases of crds/tests/cases, which the tests of crds give to another implementation of CEL:
//     what a case accepts must pass, what it refuses must be refused with the rule's own message;
//   - each length, count, range, choice and pattern of the schemas, and each list that holds nothing
//     twice: at the bound it says nothing, one past it the field is named.
//
// What can be a dry run is one. The rest happens in a namespace that it makes and deletes.
//
//	KUBECONFIG=… rules CRDS-TESTS-FOLDER GROUP
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type object = map[string]any

func main() {
	log.SetFlags(0)
	log.SetPrefix("rules: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: rules CRDS-TESTS-FOLDER GROUP")
	}
	began := time.Now()
	wrong, err := run(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	for _, one := range wrong {
		fmt.Println("FAIL ", one)
	}
	fmt.Printf("%d wrong, in %.1f s\n", len(wrong), time.Since(began).Seconds())
	if len(wrong) > 0 {
		os.Exit(1)
	}
}

func run(folder, group string) ([]string, error) {
	server, err := connect(group)
	if err != nil {
		return nil, err
	}
	kinds, err := server.kinds()
	if err != nil {
		return nil, err
	}
	if err := readBases(filepath.Join(folder, "bases.json"), kinds); err != nil {
		return nil, err
	}
	if err := server.makeNamespace(); err != nil {
		return nil, err
	}
	defer server.deleteNamespace()
	wrong, err := checkCases(server, kinds, filepath.Join(folder, "cases"))
	if err != nil {
		return nil, err
	}
	more, err := checkBounds(server, kinds)
	return append(wrong, more...), err
}

// readBases gives each kind the object that its cases change.
func readBases(file string, kinds map[string]*kind) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var specs map[string]object
	if err := json.Unmarshal(content, &specs); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for name, spec := range specs {
		k, ok := kinds[name]
		if !ok {
			return fmt.Errorf("%s: the API server has no kind %s", file, name)
		}
		k.spec = spec
	}
	for name, k := range kinds {
		if k.spec == nil {
			return fmt.Errorf("%s has no object of kind %s", file, name)
		}
	}
	return nil
}

// cause is one thing that the API server has against an object.
type cause struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// notChecked tells that the schema had so much against an object that its rules were not asked.
func notChecked(causes []cause) bool {
	for _, c := range causes {
		if strings.Contains(c.Message, "rules were not checked") {
			return true
		}
	}
	return false
}

func said(causes []cause) string {
	var all []string
	for _, c := range causes {
		all = append(all, c.Field+": "+c.Message)
	}
	return strings.Join(all, " | ")
}

// copied is deep.
func copied[T any](value T) T {
	content, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	var other T
	if err := json.Unmarshal(content, &other); err != nil {
		log.Fatal(err)
	}
	return other
}
