// Mergeapi joins the parts of the contract to one document:
//
//	mergeapi api/parts/*.yaml > api/openapi.yaml
//
// The first part gives the frame (openapi, info, servers, security, x-…); each part adds to paths, tags and
// components.*. Saying anything twice is an error. Nodes are moved and never read into Go values, so comments
// and the order within a part live on, and the same parts always give the same bytes.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

func main() {
	parts := os.Args[1:]
	slices.SortFunc(parts, func(a, b string) int { return bytes.Compare([]byte(filepath.Base(a)), []byte(filepath.Base(b))) })
	out, err := merge(parts)
	if err == nil {
		_, err = os.Stdout.Write(out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mergeapi:", err)
		os.Exit(1)
	}
}

// merge joins the files in the order given.
func merge(parts []string) ([]byte, error) {
	if len(parts) == 0 {
		return nil, errors.New("no parts given")
	}
	whole := &yaml.Node{Kind: yaml.MappingNode}
	for i, name := range parts {
		b, err := os.ReadFile(name) //nolint:gosec // because reading the files named is what this tool does
		if err != nil {
			return nil, err
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(b, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
			return nil, fmt.Errorf("%s: a part is a mapping", name)
		}
		if err := join(whole, doc.Content[0], nil, i == 0); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	var out bytes.Buffer
	out.WriteString("# Joined from api/parts by tools/mergeapi. Change the parts, then run: make generate\n")
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(whole); err != nil {
		return nil, err
	}
	return out.Bytes(), enc.Close()
}

// join adds what part says to whole. At the top, all but the first part may speak of paths, tags and
// components only.
func join(whole, part *yaml.Node, at []string, first bool) error {
	for i := 0; i+1 < len(part.Content); i += 2 {
		key, value := part.Content[i], part.Content[i+1]
		where := append(slices.Clone(at), key.Value)
		if len(at) == 0 && !first && !slices.Contains([]string{"paths", "tags", "components"}, key.Value) {
			return fmt.Errorf("line %d: only the first part may say %s", key.Line, key.Value)
		}
		present := find(whole, key.Value)
		switch {
		case present == nil:
			whole.Content = append(whole.Content, key, fresh(value, where))
			if !opens(where) {
				continue
			}
			if err := join(whole.Content[len(whole.Content)-1], value, where, first); err != nil {
				return err
			}
		case opens(where) && value.Kind == yaml.MappingNode:
			if err := join(present, value, where, first); err != nil {
				return err
			}
		case len(where) == 1 && key.Value == "tags" && value.Kind == yaml.SequenceNode:
			if err := addTags(present, value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("line %d: %v is said twice", key.Line, where)
		}
	}
	return nil
}

// opens says whether several parts add to the mapping at this place.
func opens(where []string) bool {
	return where[0] == "paths" && len(where) == 1 || where[0] == "components" && len(where) <= 2
}

// fresh is value itself, or an empty mapping to join it into, where a part might say a key twice.
func fresh(value *yaml.Node, where []string) *yaml.Node {
	if opens(where) && value.Kind == yaml.MappingNode {
		return &yaml.Node{Kind: yaml.MappingNode, HeadComment: value.HeadComment}
	}
	return value
}

func find(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func addTags(whole, part *yaml.Node) error {
	for _, tag := range part.Content {
		name := find(tag, "name")
		for _, other := range whole.Content {
			if n := find(other, "name"); n != nil && name != nil && n.Value == name.Value {
				return fmt.Errorf("line %d: tag %s is said twice", tag.Line, name.Value)
			}
		}
		whole.Content = append(whole.Content, tag)
	}
	return nil
}
