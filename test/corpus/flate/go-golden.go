// Compresses every file named on standard input ("LEVEL CHUNK PATH" a line) with compress/flate, written in pieces of
// CHUNK bytes, and prints the digest and length of each stream.
package main

import (
	"bufio"
	"compress/flate"
	"crypto/sha256"
	"fmt"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var level, chunk int
		var path string
		if _, err := fmt.Sscan(lines.Text(), &level, &chunk, &path); err != nil {
			panic(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		hash := sha256.New()
		writer, err := flate.NewWriter(hash, level)
		if err != nil {
			panic(err)
		}
		for len(data) > 0 {
			n := chunk
			if n > len(data) {
				n = len(data)
			}
			if _, err := writer.Write(data[:n]); err != nil {
				panic(err)
			}
			data = data[n:]
		}
		if err := writer.Close(); err != nil {
			panic(err)
		}
		fmt.Printf("%x\n", hash.Sum(nil))
	}
}
