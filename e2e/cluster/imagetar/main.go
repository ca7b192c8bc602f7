// Command imagetar writes an image of files of this machine, in the form that `docker save` writes and
// `ctr images import` reads. A program brings the shared libraries that it loads here.
//
//	imagetar [--entrypoint "PROGRAM ARGUMENT…"] [--user UID:GID] NAME:TAG HOST-PATH[:IMAGE-PATH]…
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

type object = map[string]any

type image struct {
	name       string
	entrypoint []string
	user       string
	files      []string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("imagetar: ")
	entrypoint := flag.String("entrypoint", "", "program and arguments, separated by spaces")
	user := flag.String("user", "", "who it runs as, unless the pod says otherwise")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("usage: imagetar [--entrypoint …] [--user UID:GID] NAME:TAG HOST-PATH[:IMAGE-PATH]…")
	}
	made := image{flag.Arg(0), strings.Fields(*entrypoint), *user, flag.Args()[1:]}
	if err := made.write(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// write gives the same bytes for the same files: no time and no owner goes into them.
func (i image) write(out io.Writer) error {
	layer, err := layerOf(i.files)
	if err != nil {
		return err
	}
	config, err := json.Marshal(object{
		"os":           "linux",
		"architecture": runtime.GOARCH,
		"config": object{
			"Entrypoint": i.entrypoint,
			"Env":        []string{"PATH=/usr/bin:/bin"},
			"User":       i.user,
			"WorkingDir": "/",
		},
		"rootfs": object{
			"type":     "layers",
			"diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))},
		},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]object{{
		"RepoTags": []string{i.name}, "Config": "config.json", "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(out)
	for _, part := range []struct {
		name    string
		content []byte
	}{{"layer.tar", layer}, {"config.json", config}, {"manifest.json", manifest}} {
		if err := add(archive, part.name, 0o644, part.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// layerOf is a tar of the files at their places in the image, and of their libraries at the same
// places as here.
func layerOf(files []string) ([]byte, error) {
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	added := map[string]bool{}
	addOnce := func(host, inside string) error {
		if added[inside] {
			return nil
		}
		added[inside] = true
		info, err := os.Stat(host)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(host)
		if err != nil {
			return err
		}
		return add(archive, strings.TrimPrefix(inside, "/"), int64(info.Mode().Perm()), content)
	}
	for _, file := range files {
		host, inside, renamed := strings.Cut(file, ":")
		if !renamed {
			inside = host
		}
		if err := addOnce(host, inside); err != nil {
			return nil, err
		}
		libraries, err := librariesOf(host)
		if err != nil {
			return nil, err
		}
		for _, library := range libraries {
			if err := addOnce(library, library); err != nil {
				return nil, err
			}
		}
	}
	err := archive.Close()
	return layer.Bytes(), err
}

// librariesOf names what ldd finds for the file. Of what is no dynamic program it says nothing, and
// fails.
func librariesOf(path string) ([]string, error) {
	said, _ := exec.Command("ldd", path).Output()
	if bytes.Contains(said, []byte("not found")) {
		return nil, fmt.Errorf("%s lacks a library:\n%s", path, said)
	}
	var libraries []string
	for _, word := range strings.Fields(string(said)) {
		if strings.HasPrefix(word, "/") {
			libraries = append(libraries, word)
		}
	}
	return libraries, nil
}

func add(archive *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(content))}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}
