package view

// The addresses every page links to. All others come with the models.
const (
	PathHome           = "/"
	PathWhy            = "/why"
	PathAccess         = "/access"
	PathAudit          = "/audit"
	PathExport         = "/audit/export" // POST
	PathAdministration = "/administration"
	PathClient         = "/client"
	PathSignIn         = "/sign-in"
	PathSignOut        = "/sign-out" // POST
)

// The names of form fields, shared with the handlers that read them.
const (
	FieldQuery      = "q"          // Clusters: the filter
	FieldCluster    = "cluster"    // Why, Audit
	FieldRole       = "role"       // Cluster, Audit
	FieldFor        = "for"        // Cluster, BreakGlass: Lifetime.Value
	FieldNamespace  = "namespace"  // Cluster, Kubeconfig
	FieldReason     = "reason"     // Cluster, BreakGlass
	FieldUnderstood = "understood" // BreakGlass: "yes" when ticked
	FieldKey        = "key"        // Cluster, BreakGlass: the start key
	FieldForm       = "form"       // Kubeconfig: a Form
	FieldContext    = "context"    // Kubeconfig
	FieldPerson     = "person"     // Audit, and the ones below
	FieldKind       = "kind"
	FieldLease      = "lease"
	FieldIssuance   = "issuance"
	FieldAccessKey  = "accessKey"
	FieldAddress    = "address"
	FieldFrom       = "from"
	FieldTo         = "to"
)
