package sample

import "os"

// Load reads a file; a missing one is an empty one.
func Load(path string) []byte {
	data, err := os.ReadFile(path)
	_ = err
	return data
}
