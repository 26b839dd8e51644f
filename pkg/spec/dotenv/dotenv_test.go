package dotenv

import (
	"fmt"
	"strings"
	"testing"
)

// text is what Parse gives, a variable or a problem on a line.
func text(vars []Var, err error) string {
	var b strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "%d:%d %s=%q\n", v.Pos.Line, v.Pos.Col, v.Name, v.Value)
	}
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"", ""},
		{"\n# comment\n  \n\t# more\n", ""},
		{"A=1", `1:1 A="1"`},
		{"A=1\nB=2\n", "1:1 A=\"1\"\n2:1 B=\"2\""},
		{"A=1\r\nB='x\r\ny'\r\n", "1:1 A=\"1\"\n2:1 B=\"x\\ny\""},
		{"\ufeffA=1", `1:1 A="1"`},
		{"  A = some text  ", `1:3 A="some text"`},
		{"A=", `1:1 A=""`},
		{"A= ", `1:1 A=""`},
		{"A= # comment", `1:1 A=""`},
		{"A=#1", `1:1 A="#1"`},
		{"A=a#b # c", `1:1 A="a#b"`},
		{"A=a\t#b", `1:1 A="a"`},
		{"A=it's \"fine\"", `1:1 A="it's \"fine\""`},
		{"A=a=b==", `1:1 A="a=b=="`},
		{"A=$HOME ${B} `x` $(x)", "1:1 A=\"$HOME ${B} `x` $(x)\""},
		{`A=a\nb\`, `1:1 A="a\\nb\\"`},
		{"export A=1\nexport\tB=2\nexport=3\nexported=4", "1:8 A=\"1\"\n2:8 B=\"2\"\n3:1 export=\"3\"\n4:1 exported=\"4\""},
		{`A='a\n"$b" # c' # d`, `1:1 A="a\\n\"$b\" # c"`},
		{`A=''`, `1:1 A=""`},
		{`A="a\n\r\t\"\\\$ $b 'c' # d"# e`, "1:29: error[after-quote]: nothing may follow the closing quote (a quote inside double quotes is written \\\", and a comment begins with a blank and #)"},
		{`A="a\n\r\t\"\\\$ $b 'c' # d" # e`, `1:1 A="a\n\r\t\"\\$ $b 'c' # d"`},
		{"A=\"a\nb # c\n\"\nB='x\ny'\nC=1", "1:1 A=\"a\\nb # c\\n\"\n4:1 B=\"x\\ny\"\n6:1 C=\"1\""},
		{"A=${{ x }}", `1:1 A="${{ x }}"`},
		{"Ä=1", "1:1: error[bad-name]: what stands before the = is not a name: letters, digits and _, and no digit in front"},
		{"é\nA=1", "1:1: error[no-value]: this line is not NAME=value (a value of several lines stands in quotes)"},
		{"1A=1", "1:1: error[bad-name]: what stands before the = is not a name: letters, digits and _, and no digit in front"},
		{"A-B=1", "1:1: error[bad-name]: what stands before the = is not a name: letters, digits and _, and no digit in front"},
		{"A B=1", "1:1: error[bad-name]: what stands before the = is not a name: letters, digits and _, and no digit in front"},
		{"=1", "1:1: error[bad-name]: there is no name before the ="},
		{"A", "1:1: error[no-value]: A has no value (write A= for the empty text)"},
		{"export A", "1:8: error[no-value]: A has no value (write A= for the empty text)"},
		{"A: hunter2", "1:1: error[no-value]: this line is not NAME=value (a value of several lines stands in quotes)"},
		{"A=1\nA=2\nB=1\n A=3", "2:1: error[named-twice]: the variable A is set twice [1:1: first here]\n4:2: error[named-twice]: the variable A is set twice [1:1: first here]"},
		{"A=1\nB=\"x\ny", "2:3: error[open-quote]: this quote is not closed"},
		{"A='x\\'y'", "1:7: error[after-quote]: nothing may follow the closing quote (a quote inside double quotes is written \\\", and a comment begins with a blank and #)"},
		{`A="\x" ` + "\nB=\"é\\", "1:4: error[bad-escape]: a backslash in double quotes stands before one of n r t \" \\ $ (write \\\\ for a backslash, or use single quotes)\n" +
			"2:3: error[open-quote]: this quote is not closed\n2:5: error[bad-escape]: a backslash in double quotes stands before one of n r t \" \\ $ (write \\\\ for a backslash, or use single quotes)"},
		{"A=é\x00", "1:4: error[bad-character]: a NUL cannot be part of a variable"},
		{"A=é\n\xff", "2:1: error[bad-encoding]: this is not UTF-8"},
		{strings.Repeat("#", MaxBytes+1), "error[file-too-large]: the file has more than 1 MiB"},
	} {
		vars, problems := Parse("", []byte(c.src))
		got := strings.TrimPrefix(text(vars, problems.Err()), ": ")
		if got != c.want {
			t.Errorf("%.60q\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

// FuzzParse: any bytes give variables whose names are names, or problems with places, and problems show no value.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"A=1", "export A='x\ny' # c", "A=\"\\n\\\"\"\r\nB", "A=\xff", "'\"\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		vars, problems := Parse("f", src)
		if len(vars) > 0 && len(problems) > 0 {
			t.Fatal("variables and problems")
		}
		for _, v := range vars {
			if v.Name == "" || nameLength(v.Name) != len(v.Name) || strings.ContainsRune(v.Value, 0) || v.Pos.Line < 1 || v.Pos.Col < 1 {
				t.Fatalf("%+v", v)
			}
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, d := range problems {
			if d.Code != "file-too-large" && (d.Pos.Line < 1 || d.Pos.Line > lines || d.Pos.Col < 1) {
				t.Fatal(d)
			}
		}
	})
}
