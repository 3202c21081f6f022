package api

import (
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain makes text from elsewhere safe to print: one line, and nothing in it
// that a terminal takes for a command or that turns its reading direction.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.C, r), r == unicode.ReplacementChar:
			return -1 // controls, formats such as U+202E, what is no character
		}
		return r
	}, s)
}

// How many bytes of one text are taken from a server. A failure is for people
// to read; anything else is no longer than a header of HTTP, which tokens have
// to fit into.
const (
	sentence  = 1 << 10
	paragraph = 16 << 10
)

// short is Plain, and cut off after so many bytes.
func short(s string, most int) string {
	s = Plain(s)
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// plain makes all strings of an answer so.
func plain(answer any, most int) { clean(reflect.ValueOf(answer), most) }

func clean(v reflect.Value, most int) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem(), most)
		}
	case reflect.String:
		v.SetString(short(v.String(), most))
	case reflect.Slice:
		cleanEach(v, most)
	case reflect.Map:
		cleanMap(v, most)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				clean(v.Field(i), most)
			}
		}
	}
}

func cleanEach(v reflect.Value, most int) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return // bytes are not for terminals
	}
	for i := range v.Len() {
		clean(v.Index(i), most)
	}
}

// cleanMap makes a map of strings anew: its names come from elsewhere too.
func cleanMap(v reflect.Value, most int) {
	m, ok := v.Interface().(map[string]string)
	if !ok || m == nil {
		return
	}
	made := make(map[string]string, len(m))
	for k, s := range m {
		made[short(k, most)] = short(s, most)
	}
	v.Set(reflect.ValueOf(made))
}
