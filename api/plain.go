package api

import (
	"reflect"
	"strings"
	"unicode"
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

// plain makes all strings of an answer so.
func plain(answer any) { clean(reflect.ValueOf(answer)) }

func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem())
		}
	case reflect.String:
		v.SetString(Plain(v.String()))
	case reflect.Slice:
		cleanEach(v)
	case reflect.Map:
		cleanMap(v)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				clean(v.Field(i))
			}
		}
	}
}

func cleanEach(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return // bytes are not for terminals
	}
	for i := range v.Len() {
		clean(v.Index(i))
	}
}

// cleanMap makes a map of strings anew: its names come from elsewhere too.
func cleanMap(v reflect.Value) {
	m, ok := v.Interface().(map[string]string)
	if !ok || m == nil {
		return
	}
	made := make(map[string]string, len(m))
	for k, s := range m {
		made[Plain(k)] = Plain(s)
	}
	v.Set(reflect.ValueOf(made))
}
