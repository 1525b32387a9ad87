// Package secret holds text that must never be shown, and knows the encodings of it that
// must not show either.
package secret

import "log/slog"

const mask = "***"

// String is a secret text. Whatever prints it (fmt with any verb, log/slog,
// encoding/json) shows "***" or an address; only Reveal gives the text, so
// that every reader of a secret can be found by searching for that name.
//
// The text sits behind a pointer because fmt, with %#v, walks unexported
// fields of a value without asking its methods.
type String struct{ text *string }

// New wraps a text. The empty text gives the zero String.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{&text}
}

// Reveal returns the text.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text.
func (s String) IsZero() bool { return s.text == nil }

// String implements fmt.Stringer without the text.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString implements fmt.GoStringer without the text.
func (s String) GoString() string { return s.String() }

// LogValue implements slog.LogValuer without the text.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, and with it JSON, without
// the text.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
