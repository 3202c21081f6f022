package eks

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs is docs/aws.md, which tells what to set up for this package.
func docs(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryPolicyInTheDocsIsOne(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(docs(t), -1)
	if len(blocks) < 6 {
		t.Fatalf("only %d policies", len(blocks))
	}
	var ours bool
	for _, b := range blocks {
		var p struct {
			Version   string
			Statement []struct {
				Sid, Effect                            string
				Principal, Action, Resource, Condition any
			}
		}
		d := json.NewDecoder(strings.NewReader(b[1]))
		d.DisallowUnknownFields()
		if err := d.Decode(&p); err != nil || p.Version != "2012-10-17" || len(p.Statement) == 0 {
			t.Errorf("%v in\n%s", err, b[1])
		}
		for _, s := range p.Statement {
			if s.Action == nil || (s.Principal == nil) == (s.Resource == nil) {
				t.Errorf("a statement wants an action and either a principal or a resource:\n%s", b[1])
			}
		}
		ours = ours || strings.TrimSpace(b[1]) == denyAll
	}
	if !ours {
		t.Error("the session policy in the docs is not the one that is sent")
	}
}

func TestDocsExplainEveryCode(t *testing.T) {
	told := docs(t)
	for _, file := range []string{"fault.go", "sign.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Code: +"([a-z-]+)"`).FindAllStringSubmatch(string(b), -1) {
			switch code := m[1]; code {
			case "refused", "failed", "sign": // they say all there is to say
			default:
				if !strings.Contains(told, "`"+code+"`") {
					t.Errorf("docs/aws.md does not explain %s", code)
				}
			}
		}
	}
}
