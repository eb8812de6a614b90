// Works like Terraform's provider: default credentials from x/oauth2, and plain HTTP.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

func main() {
	log.SetFlags(0) // without the time
	ctx := context.Background()
	credentials, err := google.FindDefaultCredentials(ctx, "https://www.googleapis.com/auth/cloud-platform")
	if err != nil {
		log.Fatal(err)
	}
	client := oauth2.NewClient(ctx, credentials.TokenSource)
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
