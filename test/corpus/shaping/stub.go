// The program around the payload of a K3s-shaped artifact: embeds one file the way K3s embeds its data.
package main

import (
	"embed"
	"fmt"
	"os"
)

//go:embed data
var data embed.FS

func main() {
	entries, err := data.ReadDir("data")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, entry := range entries {
		asset, err := data.ReadFile("data/" + entry.Name())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(entry.Name(), len(asset))
	}
}
