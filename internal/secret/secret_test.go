package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/secret"
)

func TestNothingPrintsIt(t *testing.T) {
	const text = "hunter2-and-more"
	type holder struct {
		Key    secret.String
		hidden secret.String
	}
	h := holder{secret.New(text), secret.New(text)}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&printed, verb+"\n", h)
		fmt.Fprintf(&printed, verb+"\n", &h)
		fmt.Fprintf(&printed, verb+"\n", h.Key)
		fmt.Fprintf(&printed, verb+"\n", []secret.String{h.hidden})
		fmt.Fprintf(&printed, verb+"\n", fmt.Errorf("wrap %w", fmt.Errorf("%v", h)))
	}
	if err := json.NewEncoder(&printed).Encode(map[string]any{"h": h, "k": h.Key}); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "h", h, "k", h.Key)
	slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "h", h, "k", h.Key)
	for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%q", text)} {
		if strings.Contains(printed.String(), form) {
			t.Errorf("printed %q:\n%s", form, printed.String())
		}
	}
	if got := h.Key.Reveal(); got != text {
		t.Errorf("Reveal() = %q, want %q", got, text)
	}
}

func TestZero(t *testing.T) {
	var zero secret.String
	if !zero.IsZero() || !secret.New("").IsZero() || secret.New("x").IsZero() {
		t.Error("IsZero is wrong")
	}
	if got := zero.Reveal() + zero.String(); got != "" {
		t.Errorf("the zero String shows %q", got)
	}
}
