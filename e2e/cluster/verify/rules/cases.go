package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ruleCases are written as crds/tests/validation.rs explains.
type ruleCases struct {
	Rule   string     `json:"rule"`
	At     []string   `json:"at"`
	Accept []ruleCase `json:"accept"`
	Refuse []ruleCase `json:"refuse"`
}

type ruleCase struct {
	Old  json.RawMessage `json:"old"`
	New  json.RawMessage `json:"new"`
	Also []string        `json:"also"`
}

func checkCases(s *server, kinds map[string]*kind, folder string) ([]string, error) {
	all, err := readCases(folder)
	if err != nil {
		return nil, err
	}
	var wrong []string
	asked, later := 0, 0
	for _, cases := range all {
		for _, at := range cases.At {
			for i, one := range slices.Concat(cases.Accept, cases.Refuse) {
				asked++
				refuse := i >= len(cases.Accept)
				switch why := checkCase(s, kinds, cases, at, one, refuse); why {
				case "":
				case unreachable:
					later++
				default:
					wrong = append(wrong, fmt.Sprintf("%s, rule %q\n      %s -> %s\n      %s", at, cases.Rule, one.Old, one.New, why))
				}
			}
		}
	}
	fmt.Printf("rules: %d, by %d cases: %d wrong, %d of protocols to come\n", len(all), asked, len(wrong), later)
	return wrong, nil
}

func readCases(folder string) ([]ruleCases, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no cases in %s", folder)
	}
	var all []ruleCases
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var some []ruleCases
		if err := json.Unmarshal(content, &some); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// checkCase says what is wrong, or nothing.
func checkCase(s *server, kinds map[string]*kind, cases ruleCases, at string, one ruleCase, refuse bool) string {
	name, path, _ := strings.Cut(at, " ")
	k, ok := kinds[name]
	if !ok {
		return "the API server has no such kind"
	}
	var old object
	if one.Old != nil {
		old = placed(k, path, one.Old)
	}
	causes, err := s.ask(k, old, placed(k, path, one.New))
	if refused, ok := err.(*refusal); ok && ofOtherProtocol(refused.causes) {
		return unreachable
	}
	if err != nil {
		return err.Error()
	}
	if ofOtherProtocol(causes) {
		return unreachable
	}
	if notChecked(causes) {
		return said(causes)
	}
	if len(cases.At) > 1 {
		// It is placed into objects that other rules may refuse too.
		if slices.ContainsFunc(causes, func(c cause) bool { return tells(c, cases.Rule) }) != refuse {
			return fmt.Sprintf("refused must be %v, but: %s", refuse, said(causes))
		}
		return ""
	}
	expected := slices.Clone(one.Also)
	if refuse {
		expected = append(expected, cases.Rule)
	}
	return compare(causes, expected)
}

// unreachable is what cannot be asked yet: protocols of which the schema knows nothing are refused by
// its list of choices, before any rule is asked.
const unreachable = "its protocol is not there yet"

func ofOtherProtocol(causes []cause) bool {
	return slices.ContainsFunc(causes, func(c cause) bool {
		return c.Field == "spec.protocol" && strings.HasPrefix(c.Message, "Unsupported value")
	})
}

// compare wants each of the messages, and no other.
func compare(causes []cause, expected []string) string {
	for _, message := range expected {
		if !slices.ContainsFunc(causes, func(c cause) bool { return tells(c, message) }) {
			return fmt.Sprintf("must be refused with %q, but: %s", message, said(causes))
		}
	}
	for _, c := range causes {
		if !slices.ContainsFunc(expected, func(message string) bool { return tells(c, message) }) {
			return "must not be refused for all of: " + said(causes)
		}
	}
	return ""
}

// tells whether the cause is the rule with this message; before it stands the value.
func tells(c cause, message string) bool {
	return c.Message == message || strings.HasSuffix(c.Message, ": "+message)
}

// placed is the kind's object with the patch merged in at the path, and with an example of whatever
// the schema requires on the way.
func placed(k *kind, path string, patch json.RawMessage) object {
	var value any
	if err := json.Unmarshal(patch, &value); err != nil {
		value = nil
	}
	root := object{"spec": copied(k.spec)}
	whole := place(root, steps(path), value).(object)
	complete(k.schema, whole)
	return whole
}

func steps(path string) []string {
	var all []string
	for step := range strings.SplitSeq(path, ".") {
		if step == "" {
			continue
		}
		name, listed := strings.CutSuffix(step, "[]")
		all = append(all, name)
		if listed {
			all = append(all, "[]")
		}
	}
	return all
}

func place(target any, path []string, patch any) any {
	if len(path) == 0 {
		return merged(target, patch)
	}
	if path[0] == "[]" {
		list, ok := target.([]any)
		if !ok {
			list = []any{nil}
		}
		list[0] = place(list[0], path[1:], patch)
		return list
	}
	members, ok := target.(object)
	if !ok {
		members = object{}
	}
	inner := members[path[0]]
	if path[0] == "rules" && inner == nil {
		inner = []any{object{"name": "case", "match": object{"effects": []any{"Write"}}, "action": "RequireApproval"}}
	}
	members[path[0]] = place(inner, path[1:], patch)
	return members
}

// merged is RFC 7396.
func merged(target, patch any) any {
	changes, ok := patch.(object)
	if !ok {
		return patch
	}
	members, ok := target.(object)
	if !ok {
		members = object{}
	}
	for name, change := range changes {
		if change == nil {
			delete(members, name)
		} else {
			members[name] = merged(members[name], change)
		}
	}
	return members
}

// complete writes what a schema requires and an object lacks.
func complete(schema object, value any) {
	switch value := value.(type) {
	case object:
		properties, _ := schema["properties"].(object)
		required, _ := schema["required"].([]any)
		for _, name := range required {
			name := name.(string)
			if _, there := value[name]; !there && properties[name] != nil {
				value[name] = example(properties[name].(object))
			}
		}
		for name, member := range value {
			if inner, ok := properties[name].(object); ok {
				complete(inner, member)
			}
		}
	case []any:
		items, _ := schema["items"].(object)
		for _, item := range value {
			complete(items, item)
		}
	}
}

func example(schema object) any {
	if given := schema["example"]; given != nil {
		return copied(given)
	}
	if given := schema["default"]; given != nil {
		return copied(given)
	}
	if choices, ok := schema["enum"].([]any); ok {
		return choices[0]
	}
	switch schema["type"] {
	case "object":
		made := object{}
		complete(schema, made)
		return made
	case "array":
		return []any{}
	case "integer", "number":
		return 1
	case "boolean":
		return true
	}
	return "a"
}
