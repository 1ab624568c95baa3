// Go's driver: see Client.java.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

var out = map[string]string{}

func open(user, password, port, database string) *sql.DB {
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(127.0.0.1:%s)/%s?maxAllowedPacket=0", user, password, port, database))
	if err != nil {
		panic(err)
	}
	return db
}

func topic(name string, what func() string) {
	defer func() {
		if wrong := recover(); wrong != nil {
			out[name] = fmt.Sprint("failed: ", wrong)
		}
	}()
	out[name] = what()
}

func one(db *sql.DB, text string, values ...interface{}) string {
	var value string
	if err := db.QueryRow(text, values...).Scan(&value); err != nil {
		panic(err)
	}
	return value
}

func number(err error) string {
	if refused, ok := err.(*mysql.MySQLError); ok {
		return fmt.Sprint(refused.Number)
	}
	return fmt.Sprint(err)
}

func ended(begun time.Time, db *sql.DB) string {
	how := "in time, "
	if time.Since(begun) > 40*time.Second {
		how = "late, "
	}
	return how + one(db, "SELECT 'alive'")
}

// Twelve at the same time over four connections, then one of the four is killed while it is idle, then twelve again.
func pool(db *sql.DB) string {
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	var good int32
	id := one(db, "SELECT CONNECTION_ID()")
	for round := 0; round < 2; round++ {
		var all sync.WaitGroup
		for i := 0; i < 12; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				var value string
				if err := db.QueryRow("SELECT 'good'").Scan(&value); err == nil && value == "good" {
					atomic.AddInt32(&good, 1)
				}
			}()
		}
		all.Wait()
		if round == 0 {
			killer := open(os.Args[3], os.Args[4], os.Args[1], os.Args[5])
			var err error
			for err == nil { // until there is no such thread
				_, err = killer.Exec("KILL " + id)
				time.Sleep(20 * time.Millisecond)
			}
			time.Sleep(300 * time.Millisecond) // the end of the stream is on its way
			killer.Close()
		}
	}
	return fmt.Sprint(good, " of 24")
}

func main() {
	a := os.Args[1:]
	db := open(a[2], a[3], a[0], a[4])
	if len(a) > 5 {
		one(db, "SELECT GET_LOCK('dr1ver', 600)")
		return
	}
	topic("login", func() string { return one(db, "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())") })
	topic("refused", func() string { return number(open(a[2], "wrong", a[0], a[4]).Ping()) })
	topic("error", func() string {
		_, err := db.Query("SELECT nothing FROM nowhere_at_all")
		return number(err)
	})
	topic("big", func() string {
		return one(db, "SELECT CONCAT(?, LENGTH(?))", "ü'\\", strings.Repeat("x", 17<<20)) + " " +
			fmt.Sprint(len(one(db, "SELECT REPEAT('y', 20000000)")))
	})
	topic("timeout", func() string {
		limited, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := db.ExecContext(limited, "DO SLEEP(60)"); err == nil {
			return "none"
		}
		return ended(begun, db)
	})
	topic("cancel", func() string {
		pinned, _ := db.Conn(context.Background())
		defer pinned.Close()
		var id int64
		pinned.QueryRowContext(context.Background(), "SELECT CONNECTION_ID()").Scan(&id)
		begun := time.Now()
		go func() {
			time.Sleep(time.Second)
			db.Exec(fmt.Sprintf("KILL QUERY %d", id))
		}()
		pinned.ExecContext(context.Background(), "DO SLEEP(60)")
		if err := pinned.PingContext(context.Background()); err != nil {
			return err.Error()
		}
		return ended(begun, db)
	})
	topic("pool", func() string { return pool(open(a[2], a[3], a[0], a[4])) })
	text, _ := json.Marshal(out)
	fmt.Println(string(text))
}
