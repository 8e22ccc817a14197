// SPDX-License-Identifier: Apache-2.0

// Command conformance writes the expected values of template and CEL cases as the Go implementations give them: text/template
// with Sprig v3, and cel-go. Run it in this folder: `go run . templates > ../templates.json`, `go run . cel > ../cel.json`.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"
	"google.golang.org/protobuf/encoding/protojson"
	structpb "google.golang.org/protobuf/types/known/structpb"
	"reflect"
)

type outcome struct {
	Text  string          `json:"text"`
	Value json.RawMessage `json:"value,omitempty"`
	Error bool            `json:"error,omitempty"`
}

type file struct {
	Made  map[string]string `json:"made"`
	Data  json.RawMessage   `json:"data"`
	Cases []map[string]any  `json:"cases"`
}

// numbers turns JSON numbers into what YAML would give: int where integral, else float64.
func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			i, err := v.Int64()
			if err == nil {
				return int(i)
			}
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return value
}

func load() map[string]any {
	decoder := json.NewDecoder(strings.NewReader(data))
	decoder.UseNumber()
	var value map[string]any
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	return numbers(value).(map[string]any)
}

func versions() map[string]string {
	made := map[string]string{"go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if strings.Contains(dep.Path, "sprig") || strings.Contains(dep.Path, "cel-go") {
				made[dep.Path] = dep.Version
			}
		}
	}
	return made
}

func render(text string) (out outcome) {
	defer func() {
		if recover() != nil {
			out = outcome{Error: true}
		}
	}()
	parsed, err := template.New("root of all").Option("missingkey=error").Funcs(sprig.TxtFuncMap()).Parse(text)
	if err != nil {
		return outcome{Error: true}
	}
	var buffer bytes.Buffer
	if err := parsed.Execute(&buffer, load()); err != nil {
		return outcome{Error: true}
	}
	return outcome{Text: buffer.String()}
}

func evaluate(env *cel.Env, text string) outcome {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return outcome{Error: true}
	}
	program, err := env.Program(ast)
	if err != nil {
		return outcome{Error: true}
	}
	value, _, err := program.Eval(map[string]any{"d": load()})
	if err != nil {
		return outcome{Error: true}
	}
	native, err := toJSON(value)
	if err != nil {
		return outcome{Error: true}
	}
	return outcome{Value: native}
}

func toJSON(value ref.Val) (json.RawMessage, error) {
	native, err := value.ConvertToNative(reflect.TypeOf(&structpb.Value{}))
	if err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(native.(*structpb.Value))
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

func main() {
	out := file{Made: versions()}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(data)); err != nil {
		panic(err)
	}
	out.Data = compact.Bytes()
	what := os.Args[1]
	if what == "templates" {
		for _, text := range templateCases {
			made := render(text)
			if made.Error {
				out.Cases = append(out.Cases, map[string]any{"in": text, "error": true})
			} else {
				out.Cases = append(out.Cases, map[string]any{"in": text, "out": made.Text})
			}
		}
	} else {
		env, err := cel.NewEnv(cel.Variable("d", cel.DynType))
		if err != nil {
			panic(err)
		}
		for _, text := range celCases {
			made := evaluate(env, text)
			if made.Error {
				out.Cases = append(out.Cases, map[string]any{"in": text, "error": true})
			} else {
				out.Cases = append(out.Cases, map[string]any{"in": text, "out": made.Value})
			}
		}
	}
	fmt.Printf("{\"made\":%s,\n\"data\":%s,\n\"cases\":[\n", must(out.Made), out.Data)
	for i, each := range out.Cases {
		comma := ","
		if i == len(out.Cases)-1 {
			comma = ""
		}
		fmt.Printf("%s%s\n", must(each), comma)
	}
	fmt.Println("]}")
}

func must(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(buffer.Bytes())
}
