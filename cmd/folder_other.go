//go:build !unix

package cmd

import "context"

// folder is nothing where folders can be neither locked nor synced.
type folder struct{}

func hold(context.Context, string, func(string)) (*folder, error) { return &folder{}, nil }

func (*folder) settle() error { return nil }

func (*folder) Close() error { return nil }
