package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// bound is one limit of one field: a value that it lets through, one that it does not, and the words
// that it is then refused with.
type bound struct {
	path     []string
	what     string
	at, past any
	words    string
}

// A request may be three megabytes long.
const maxWrittenLength = 1 << 20

func checkBounds(s *server, kinds map[string]*kind) ([]string, error) {
	var wrong []string
	asked := 0
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		k := kinds[name]
		for _, part := range []string{"spec", "status"} {
			schema, ok := k.schema["properties"].(object)[part].(object)
			if !ok {
				continue
			}
			for _, b := range boundsOf(schema, []string{part}) {
				asked++
				if why := checkBound(s, k, b); why != "" {
					wrong = append(wrong, fmt.Sprintf("%s %s, %s: %s", name, strings.Join(b.path, "."), b.what, why))
				}
			}
		}
	}
	fmt.Printf("bounds: %d asked, %d wrong\n", asked, len(wrong))
	return wrong, nil
}

// boundsOf finds all bounds at and below a place of the schema.
func boundsOf(schema object, path []string) []bound {
	var found []bound
	put := func(what string, at, past any, words string) {
		found = append(found, bound{slices.Clone(path), what, at, past, words})
	}
	number := func(name string) (int, bool) {
		value, ok := schema[name].(float64)
		return int(value), ok
	}
	letters := func(n int) string { return strings.Repeat("a", n) }
	listed := func(n int) []any {
		items, _ := schema["items"].(object)
		list := make([]any, n)
		for i := range list {
			list[i] = example(items)
		}
		return list
	}
	mapped := func(n int) object {
		values, _ := schema["additionalProperties"].(object)
		required, _ := schema["required"].([]any)
		members := object{}
		for i := range n - len(required) {
			members[fmt.Sprintf("k%d", i)] = example(values)
		}
		return members
	}
	if n, ok := number("maxLength"); ok && n < maxWrittenLength {
		put("maxLength", letters(n), letters(n+1), "Too long: may not be more than|should be at most")
	}
	if n, ok := number("minLength"); ok && n > 0 {
		put("minLength", letters(n), letters(n-1), "should be at least")
	}
	if n, ok := number("maxItems"); ok {
		put("maxItems", listed(n), listed(n+1), "Too many: .*must have at most|should have at most")
	}
	if n, ok := number("minItems"); ok && n > 0 {
		put("minItems", listed(n), listed(n-1), "should have at least")
	}
	if list := schema["x-kubernetes-list-type"]; list == "map" || list == "set" {
		put("each once", nil, listed(2), "Duplicate value")
	}
	if n, ok := number("maxProperties"); ok {
		put("maxProperties", mapped(n), mapped(n+1), "Too many: .*must have at most|at most")
	}
	if n, ok := number("minProperties"); ok && n > 0 {
		put("minProperties", nil, object{}, "at least")
	}
	if n, ok := number("maximum"); ok {
		put("maximum", n, n+1, "should be less than or equal to")
	}
	if n, ok := number("minimum"); ok {
		put("minimum", n, n-1, "should be greater than or equal to")
	}
	if choices, ok := schema["enum"].([]any); ok && schema["type"] == "string" {
		for _, choice := range choices {
			put("enum", choice, fmt.Sprintf("%vX", choice), "Unsupported value")
		}
	}
	if pattern, ok := schema["pattern"].(string); ok {
		// Not every field with a pattern has an example. What has the wrong length is refused for that.
		length, _ := number("minLength")
		put("pattern", schema["example"], strings.Repeat("\x01", max(length, 1)), regexp.QuoteMeta("should match '"+pattern+"'"))
	}
	properties, _ := schema["properties"].(object)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		found = append(found, boundsOf(properties[name].(object), append(slices.Clone(path), name))...)
	}
	if items, ok := schema["items"].(object); ok {
		found = append(found, boundsOf(items, append(slices.Clone(path), "[]"))...)
	}
	if values, ok := schema["additionalProperties"].(object); ok {
		found = append(found, boundsOf(values, append(slices.Clone(path), "{}"))...)
	}
	return found
}

// checkBound says what is wrong, or nothing. Rules may have more against either value.
func checkBound(s *server, k *kind, b bound) string {
	ask := func(value any) (string, error) {
		whole := object{"spec": copied(k.spec)}
		if b.path[0] == "status" {
			whole["status"] = object{}
		}
		whole = put(whole, b.path, value).(object)
		complete(k.schema, whole)
		causes, err := s.ask(k, nil, whole)
		if err != nil {
			return "", err
		}
		words := regexp.MustCompile(b.words)
		for _, c := range causes {
			if words.MatchString(c.Message) && sameField(c.Field, b.path) {
				return c.Message, nil
			}
		}
		return "", nil
	}
	if b.at != nil {
		message, err := ask(b.at)
		if err != nil {
			return "at the bound: " + err.Error()
		}
		if message != "" {
			return "at the bound it is refused: " + short(message)
		}
	}
	message, err := ask(b.past)
	if err != nil {
		return "past the bound: " + err.Error()
	}
	if message == "" {
		return "past the bound it is not refused"
	}
	return ""
}

func put(target any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch path[0] {
	case "[]":
		list, ok := target.([]any)
		if !ok || len(list) == 0 {
			list = []any{nil}
		}
		list[0] = put(list[0], path[1:], value)
		return list
	case "{}":
		return object{"key": put(nil, path[1:], value)}
	}
	members, ok := target.(object)
	if !ok {
		members = object{}
	}
	members[path[0]] = put(members[path[0]], path[1:], value)
	return members
}

var index = regexp.MustCompile(`\[[^\]]*\]`)

// sameField compares without indices and keys: `spec.rules[0].name`, `spec.labels.key`.
func sameField(field string, path []string) bool {
	var plain []string
	for _, step := range path {
		switch step {
		case "[]":
		case "{}":
			plain = append(plain, "key")
		default:
			plain = append(plain, step)
		}
	}
	return index.ReplaceAllString(field, "") == strings.Join(plain, ".")
}

func short(message string) string {
	if len(message) > 300 {
		return message[:300] + "…"
	}
	return message
}
