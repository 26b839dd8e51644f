//go:build !unix

package testenv

func calm() {}
