package summary_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/stories"
	"github.com/car-publish/car-publish/internal/summary"
)

// FuzzDotenv puts any text wherever a Result has one. No line of the file is
// there that was not written by us, each value is one short line, and the
// JSON form reads back as what it was made of.
func FuzzDotenv(f *testing.F) {
	for _, value := range stories.Find(f, `(?s)"Value": ("(?:\\.|[^"\\])*")`) {
		var text string
		if json.Unmarshal([]byte(value), &text) == nil {
			f.Add(text, text)
		}
	}
	for _, line := range stories.Find(f, `(?m)^stderr '(.*)'$`) {
		f.Add("Ocean", line)
	}
	f.Add("a\nCAR_PUBLISHED_OUTCOME=released", "\x00\r\u2028\u202e")
	f.Add(strings.Repeat("游", 2000), "$(touch evil) `evil` \"'")
	f.Fuzz(func(t *testing.T, name, text string) {
		result := record.Result{Outcome: record.Failed, DurationSeconds: 1}
		fill(reflect.ValueOf(&result).Elem(), name)
		result.ErrorMessage = text
		known := map[string]bool{}
		for _, o := range summary.Outputs(result, same) {
			known["CAR_PUBLISHED_"+strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))] = true
			if o.Name != "json" && strings.ContainsFunc(o.Value, unicode.IsControl) || strings.ContainsAny(o.Value, "\n\r") {
				t.Errorf("the output %s is not one line: %q", o.Name, o.Value)
			}
			if o.Name != "json" || !utf8.ValidString(name+text) { // what is not UTF-8 has no JSON form
				continue
			}
			var back record.Result
			if err := json.Unmarshal([]byte(o.Value), &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(result, back); diff != "" {
				t.Errorf("the JSON form reads back differently:\n%s", diff)
			}
		}
		shape := regexp.MustCompile(`^(CAR_PUBLISHED_[A-Z0-9_]+)=(.+)$`)
		variables, _ := summary.Dotenv(result, same)
		for line := range strings.Lines(variables) {
			line, whole := strings.CutSuffix(line, "\n")
			found := shape.FindStringSubmatch(line)
			switch {
			case !whole || found == nil || !known[found[1]]:
				t.Errorf("the file has the line %q", line)
			case len(found[2]) > 1<<10:
				t.Errorf("%s has %d bytes", found[1], len(found[2]))
			case strings.ContainsFunc(found[2], unicode.IsControl):
				t.Errorf("%s has a control character: %q", found[1], found[2])
			}
			delete(known, found[1]) // once
		}
	})
}

// fill puts the text into every string of v that is of no fixed set.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type().Name() == "string" {
			v.SetString(text)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	default: // holds no text
	}
}
