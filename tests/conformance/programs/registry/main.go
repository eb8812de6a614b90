// Uses the keychain of Google in go-containerregistry: pushes an image to Artifact Registry, and pulls it.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/google"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func main() {
	if err := run(os.Getenv("IMAGE")); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(tag string) error {
	reference, err := name.ParseReference(tag)
	if err != nil {
		return err
	}
	layer := static.NewLayer([]byte("an order"), types.OCIUncompressedLayer)
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	keychain := remote.WithAuthFromKeychain(google.Keychain)
	if err := remote.Write(reference, image, keychain); err != nil {
		return err
	}
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(time.Second) {
		pulled, err := remote.Image(reference, keychain)
		if err != nil {
			return err
		}
		content, err := read(pulled)
		if err != nil {
			return err
		}
		fmt.Printf("pulled: %s\n", content)
		if time.Now().After(end) {
			return nil
		}
	}
}

// read returns the content of an image's layers.
func read(image v1.Image) ([]byte, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	for _, layer := range layers {
		reader, err := layer.Compressed()
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(&content, reader)
		reader.Close()
		if err != nil {
			return nil, err
		}
	}
	return content.Bytes(), nil
}
