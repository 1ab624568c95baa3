// Go's driver: see Client.java.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

func main() {
	a := os.Args[1:]
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(127.0.0.1:%s)/%s?maxAllowedPacket=0", a[1], a[2], a[0], a[3]))
	if err != nil {
		panic(err)
	}
	out := map[string]string{}
	one := func(name, text string, values ...interface{}) string {
		var value string
		if err := db.QueryRow(text, values...).Scan(&value); err != nil {
			panic(name + ": " + err.Error())
		}
		return value
	}
	if len(a) > 4 {
		one("hang", "SELECT GET_LOCK('dr1ver', 300)")
		return
	}
	out["user"] = one("user", "SELECT CURRENT_USER()")
	out["prepared"] = one("prepared", "SELECT CONCAT(?, LENGTH(?))", "ü'\\", strings.Repeat("x", 17<<20))
	out["big"] = fmt.Sprint(len(one("big", "SELECT REPEAT('y', 20000000)")))
	_, err = db.Query("SELECT nothing FROM nowhere_at_all")
	if refused, ok := err.(*mysql.MySQLError); ok {
		out["error"] = fmt.Sprint(refused.Number)
	}
	begun := time.Now()
	limited, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(limited, "DO SLEEP(20)")
	out["timeout"] = "late"
	if err != nil && time.Since(begun) < 10*time.Second {
		out["timeout"] = "in time"
	}
	pinned, _ := db.Conn(context.Background())
	var id int64
	pinned.QueryRowContext(context.Background(), "SELECT CONNECTION_ID()").Scan(&id)
	begun = time.Now()
	go func() {
		time.Sleep(300 * time.Millisecond)
		db.Exec(fmt.Sprintf("KILL QUERY %d", id))
	}()
	pinned.ExecContext(context.Background(), "DO SLEEP(20)")
	out["cancel"] = "in time"
	if time.Since(begun) > 10*time.Second {
		out["cancel"] = "late"
	}
	out["after"] = one("after", "SELECT 'alive'")
	for i := 0; i < 20; i++ { // a pool
		go db.Ping()
	}
	out["pool"] = one("pool", "SELECT 'pool'")
	text, _ := json.Marshal(out)
	fmt.Println(string(text))
}
