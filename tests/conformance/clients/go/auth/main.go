// Uses the library on which all of Google's newer Go clients are built.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
)

func main() {
	log.SetFlags(0) // without the time
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
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for {
		fmt.Println(fetch(client))
		if time.Now().After(end) {
			return
		}
		time.Sleep(time.Second)
	}
}

func fetch(client *http.Client) string {
	response, err := client.Get(os.Getenv("URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		log.Fatal(response.Status, " ", string(body), err)
	}
	return string(body)
}
