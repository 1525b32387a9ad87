package publish

import (
	"fmt"
	"strings"
)

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// some joins the first few of many.
func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
