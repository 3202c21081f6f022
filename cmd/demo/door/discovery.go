package door

import (
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (d *door) apiVersions(w http.ResponseWriter, _ *http.Request, _ Caller) {
	write(w, http.StatusOK, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
}

func (d *door) groups(w http.ResponseWriter, _ *http.Request, _ Caller) {
	v := metav1.GroupVersionForDiscovery{GroupVersion: "authentication.k8s.io/v1", Version: "v1"}
	write(w, http.StatusOK, metav1.APIGroupList{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"},
		Groups:   []metav1.APIGroup{{Name: "authentication.k8s.io", Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v}},
	})
}

func (d *door) resources(w http.ResponseWriter, _ *http.Request, _ Caller) {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "v1"}
	for _, s := range sorts() {
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: s.plural, SingularName: s.singular, Kind: s.kind, Namespaced: s.namespaced, ShortNames: s.short, Verbs: metav1.Verbs{"get", "list", "delete"},
		})
	}
	write(w, http.StatusOK, list)
}

func authentication(w http.ResponseWriter, _ *http.Request, _ Caller) {
	write(w, http.StatusOK, metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "authentication.k8s.io/v1",
		APIResources: []metav1.APIResource{{Name: "selfsubjectreviews", Kind: "SelfSubjectReview", Verbs: metav1.Verbs{"create"}}},
	})
}
