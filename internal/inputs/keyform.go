package inputs

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/mistyped"
)

// Keys of Tencent Cloud and tokens are of ASCII letters, digits and a few marks. What
// else there is in one came with it on its way here. A service would say only that it
// does not know the key, which sends people to the wrong place. None of this may be
// shown, so each mistake is told in words.

// keyMarks are what a key, a token of STS or a JWT may hold besides letters and digits.
const keyMarks = "+/=_-.~"

var (
	// namedKey matches a key with its name in front. The "=" at the end of a key
	// in base64 is not followed by anything else.
	namedKey = regexp.MustCompile(`(?i)^(export\s+|set\s+|\$env:)?[\w.-]*(secret|key|id|token)[\w.-]*"?\s*[:=]\s*[^=\s]`)

	// placeholder matches what documents have in the place of a key.
	placeholder = regexp.MustCompile(`(?i)^(<.*>|\[.*\]|[*•●·∗＊]+|x{6,}|(your|my|insert|replace|enter|paste)[-_ ]?(own[-_ ])?(tencent(cloud)?[-_ ]?)?(secret|key|api|access|token).*|change[-_ ]?me|todo|fixme)$`)

	// nothing matches what programs write where they have no value.
	nothing = regexp.MustCompile(`(?i)^(null|undefined|none|nil|true|false|nan|\(null\)|\[object object\])$`)

	// foreignKey matches the ids of other clouds' keys, which begin with four letters.
	foreignKey = regexp.MustCompile(`^(LTAI|AKIA|ASIA|AKLT|AKTP|AIza|ya29)`)

	// secretID matches what a SecretId of Tencent Cloud begins with.
	secretID = regexp.MustCompile(`^(AKID|IKID)`)

	// escapedEnd matches an escape that was meant as a line break.
	escapedEnd = regexp.MustCompile(`\\[nrt]$`)

	digits = regexp.MustCompile(`^[0-9]{5,}$`)
	aJWT   = regexp.MustCompile(`^eyJ[\w-]*\.[\w-]+\.[\w-]*$`)
)

// checkKeyForm refuses a key or a token of a form that none has. It reports whether
// there was nothing to refuse.
func (p *parser) checkKeyForm(name string, given setting) bool {
	text, hint := keyMistake(name, given.text)
	switch {
	case text == "" && hasOddMark(given.text):
		p.warn(name + " has a character in it that no key of Tencent Cloud is known to have; if it is refused, copy it again")
		return true
	case text == "":
		return true
	}
	p.mask(strings.Trim(bareKey(given.text), "\\"))
	p.problems = append(p.problems, &Problem{Input: given.from, Name: name, Text: text, Hint: hint})
	return false
}

// bareKey is what remains of a key that was dressed up on its way.
func bareKey(text string) string {
	return mistyped.Unquoted(strings.TrimFunc(text, func(r rune) bool { return mistyped.IsInvisible(r) || unicode.IsSpace(r) }))
}

// keyMistake says what is wrong with the form of a key, and what to do; "" if nothing.
func keyMistake(name, text string) (mistake, hint string) {
	if text == "" {
		return "", ""
	}
	if !isLine(text) {
		if name == "oidc-token" {
			return "has a line break or another control character in it", "pass the token alone, as the CI gives it"
		}
		return "has a line break or another control character in it", "copy it again"
	}
	if mistake, hint := wrappedKey(text); mistake != "" {
		return mistake, hint
	}
	if mistake, hint := noKey(name, text); mistake != "" {
		return mistake, hint
	}
	return strangeMark(text)
}

// wrappedKey finds a key that has something around it.
func wrappedKey(text string) (mistake, hint string) {
	const copyAgain = "copy it again, by way of a plain text editor"
	runes := []rune(text)
	first, last := runes[0], runes[len(runes)-1]
	switch raw := mistyped.FindUnexpanded(text); {
	case mistyped.IsInvisible(first):
		return "begins with an invisible character, such as a byte order mark", copyAgain
	case mistyped.IsInvisible(last):
		return "ends with an invisible character, such as a space without width", copyAgain
	case strings.ContainsFunc(text, mistyped.IsInvisible):
		return "has an invisible character in it", copyAgain
	case mistyped.IsUnexpanded(mistyped.Unquoted(text)), raw.What == "an expression":
		return "is the name of a variable or an expression that nobody expanded", raw.Hint
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		return "is JSON, or has brackets around it", "pass the key alone"
	case strings.ContainsRune(mistyped.Quotes, first) && strings.ContainsRune(mistyped.Quotes, last) && len(runes) > 1:
		return "is in quotes, and they are a part of it", "write it without them; docker run --env-file and many CIs keep the quotes around a value"
	case strings.ContainsRune(mistyped.Quotes, first), strings.ContainsRune(mistyped.Quotes, last):
		return "has a quote at one end", "copy it again, without quotes"
	case namedKey.MatchString(text):
		return "has a name in front of it", "pass the key alone, without its name and what follows that"
	}
	return "", ""
}

// noKey finds what is no key at all, or another one.
func noKey(name, text string) (mistake, hint string) {
	switch {
	case placeholder.MatchString(text):
		return "is a placeholder", "put the key itself there; a log or a page that shows asterisks does not have it"
	case nothing.MatchString(text):
		return "is the word that a program writes for no value", "look at where it is set: what it was taken from is empty"
	case aJWT.MatchString(text) && name != "oidc-token":
		return "is a JWT", "a token of the CI goes to oidc-token, with role-arn and oidc-provider"
	case name == "oidc-token" && secretID.MatchString(text):
		return "is a key", "a key goes to secret-id and secret-key"
	case name != "secret-id":
	case digits.MatchString(text):
		return "is a number, so it is the id of an account or an APPID", "the SecretId of a key begins with AKID"
	case foreignKey.MatchString(text):
		return "is a key of another cloud", "the SecretId of a key of Tencent Cloud begins with AKID"
	case strings.HasPrefix(text, "QUtJR"):
		return "is in base64", "write it as the console shows it: it begins with AKID"
	}
	return "", ""
}

// strangeMark finds a character that no key has.
func strangeMark(text string) (mistake, hint string) {
	for _, r := range text {
		switch {
		case r >= utf8.RuneSelf:
			return "has a character in it that is not ASCII, which no key has", "copy it again; letters of full width only look like those of a key"
		case unicode.IsSpace(r):
			return "has a blank in it", "copy it again, and pass one key alone"
		case r == ',' || r == ';' || r == '|' || r == ':':
			return "has more than a key in it", "pass the key alone; secret-id and secret-key are two inputs"
		}
	}
	if escapedEnd.MatchString(text) {
		return `ends with the escape of a line break`, `pass the key alone: nobody reads \n here`
	}
	return "", ""
}

// hasOddMark reports whether a key has a mark in it that none of Tencent Cloud's has. No
// document promises that, so that it is no reason to refuse one.
func hasOddMark(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(keyMarks, r)
	})
}

// checkPair refuses a key pair whose halves are not those of one pair.
func (p *parser) checkPair(id, key setting) {
	swap := func(text, hint string) {
		p.problems = append(p.problems, &Problem{Input: key.from, Name: "secret-key", Text: text, Hint: hint})
	}
	switch {
	case id.text == "" || key.text == "":
	case id.text == key.text:
		swap("is the same as secret-id", "each has a value of its own; the console shows the SecretKey only once, when it is made")
	case secretID.MatchString(key.text) && !secretID.MatchString(id.text):
		swap("begins as a SecretId does, and secret-id does not", "the two are swapped: give each the value of the other")
	case secretID.MatchString(key.text) && len(key.text) == len(id.text) && len(key.text) >= 36:
		swap("is a SecretId, too", "put the SecretKey there, which belongs to secret-id")
	}
}
