package inputs

import (
	"cmp"
	"slices"
	"strings"
)

// warnMisspelt warns of variables that look like inputs and are not.
func (p *parser) warnMisspelt() {
	var known, upper []string
	for _, in := range Table {
		known = append(known, variables(in.Name)...)
		upper = append(upper, strings.TrimPrefix(carName(in.Name), "CAR_"))
	}
	var names []string
	for name, value := range p.env {
		isOurs := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if isOurs && value != "" && !strings.Contains(name, outputPrefix) && !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		warning := showName(name) + " is not an input"
		prefix, rest, _ := strings.Cut(name, "_")
		if meant := nearest(strings.ReplaceAll(rest, "-", "_"), upper); meant != "" {
			if strings.Contains(rest, "-") && prefix != "CAR" { // in the user's own spelling
				meant = strings.ReplaceAll(meant, "_", "-")
			}
			warning += "; did you mean " + prefix + "_" + meant + "?"
		}
		p.warn(warning)
	}
}

// similar returns the names that were probably meant: the nearest one, or those
// that the given one abbreviates, as "app-id" does "application-id". It returns
// nothing if there are too many to choose from.
func similar(given string, names []string) []string {
	if name := nearest(given, names); name != "" {
		return []string{name}
	}
	const maxNames = 3
	parts := strings.Split(strings.ToLower(given), "-")
	var full, leading []string // names of which all parts, or only the first, are abbreviated
	for _, name := range names {
		of := strings.Split(name, "-")
		matches := len(parts) <= len(of)
		for i := 0; matches && i < len(parts); i++ {
			matches = parts[i] != "" && strings.HasPrefix(of[i], parts[i])
		}
		switch {
		case matches && len(parts) == len(of):
			full = append(full, name)
		case matches:
			leading = append(leading, name)
		}
	}
	for _, found := range [][]string{full, leading} {
		if len(found) > 0 && len(found) <= maxNames {
			return found
		}
	}
	return nil
}

// byDistance returns the names, those most like the given one first.
func byDistance(given string, names []string) []string {
	const maxLength = 64 // bytes; all names are shorter
	if len(given) > maxLength {
		return names
	}
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int {
		return cmp.Compare(distance(given, a), distance(given, b))
	})
	return sorted
}

// nearest returns the name that the given one is probably a misspelling of, or "".
func nearest(given string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	name := byDistance(given, names)[0]
	if limit := max(1, len(name)/3); len(given) > len(name)+limit || distance(given, name) > limit {
		return ""
	}
	return name
}

// distance returns how many letters must be inserted, removed, replaced or
// swapped with their neighbour to turn one text into the other. Upper and lower
// case are the same. It is the restricted Damerau-Levenshtein distance.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	beforeLast, last, row := []int(nil), []int(nil), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		beforeLast, last, row = last, row, make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], beforeLast[j-1]+1)
			}
		}
	}
	return row[len(y)]
}
