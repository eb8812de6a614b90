// The library under all of Google's newer Go clients.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
)

func main() {
	found, err := credentials.DetectDefault(&credentials.DetectOptions{
		Scopes: []string{"https://www.googleapis.com/auth/cloud-platform"},
	})
	if err != nil {
		log.Fatal(err)
	}
	client, err := httptransport.NewClient(&httptransport.Options{Credentials: found})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.Get(os.Getenv("URL"))
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		log.Fatal(answer.Status, " ", string(body), err)
	}
	fmt.Println(string(body))
}
