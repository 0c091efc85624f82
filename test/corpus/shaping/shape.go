// The Go side of shaped artifacts: what K3s and K0s do with the Go standard library when they are built.
//
//	shape gzip LEVEL IN OUT        one gzip stream, as an image layer or an older K0s asset
//	shape zip OUT NAME=PATH...     a ZIP with flate.BestCompression, sorted by base name (k0s hack/zip-files)
package main

import (
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"io"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
)

func main() {
	switch os.Args[1] {
	case "gzip":
		level, err := strconv.Atoi(os.Args[2])
		check(err)
		out, err := os.Create(os.Args[4])
		check(err)
		writer, err := gzip.NewWriterLevel(out, level)
		check(err)
		add(writer, os.Args[3])
		check(writer.Close())
		check(out.Close())
	case "zip":
		out, err := os.Create(os.Args[2])
		check(err)
		archive := zip.NewWriter(out)
		archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
			return flate.NewWriter(w, flate.BestCompression)
		})
		files := os.Args[3:]
		sort.Slice(files, func(a, b int) bool { return path.Base(name(files[a])) < path.Base(name(files[b])) })
		for _, file := range files {
			writer, err := archive.CreateHeader(&zip.FileHeader{Name: name(file), Method: zip.Deflate})
			check(err)
			add(writer, file[len(name(file))+1:])
		}
		check(archive.Close())
		check(out.Close())
	}
}

func name(file string) string { return file[:strings.Index(file, "=")] }

func add(writer io.Writer, path string) {
	in, err := os.Open(path)
	check(err)
	defer in.Close()
	_, err = io.Copy(writer, in)
	check(err)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
