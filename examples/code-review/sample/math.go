package sample

// Clamp keeps n between low and high.
func Clamp(n, low, high int) int {
	return max(low, min(n, high))
}
