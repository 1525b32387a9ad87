package inputs

import (
	"cmp"
	"slices"
	"strings"
)

// byDistance returns the names with those first that are most like the given
// one.
func byDistance(given string, names []string) []string {
	const most = 64 // bytes; nobody means a name by more
	if len(given) > most {
		return names
	}
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int {
		return cmp.Compare(distance(given, a), distance(given, b))
	})
	return sorted
}

// nearest returns the name that was probably meant, or "".
func nearest(given string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	name := byDistance(given, names)[0]
	if likely := max(1, len(name)/3); len(given) > len(name)+likely || distance(given, name) > likely {
		return ""
	}
	return name
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour to turn one text into another; upper and lower case are the same.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	before, last, row := []int(nil), []int(nil), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before, last, row = last, row, make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(y)]
}
