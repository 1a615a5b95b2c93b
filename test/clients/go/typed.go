package main

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/pager"
)

// client-go with its typed clients.
var typedChecks = []check{
	{"typed clients write and read by protobuf", writeAndRead},
	{"patches of every kind", patches},
	{"server-side apply by apply configurations", applyConfigurations},
	{"a conflict and a duplicate are known as such", knownErrors},
	{"a shared informer follows by WatchList", sharedInformer},
	{"a pager gathers every page", pages},
	{"a token of a ServiceAccount with its own rights", tokens},
	{"leader election by a Lease", election},
	{"an event recorder of events.k8s.io, seen in the core group", recorder},
	{"discovery finds every group", discovery},
}

func writeAndRead(ctx context.Context, env *environment) error {
	secrets := env.typed.CoreV1().Secrets(env.namespace)
	made, err := secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "typed", Labels: map[string]string{"a": "b"}},
		Data:       map[string][]byte{"key": {0, 1, 255}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Data["other"] = []byte("x")
	if _, err = secrets.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	read, err := secrets.Get(ctx, "typed", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := expect("the data", read.Data["key"], []byte{0, 1, 255}); err != nil {
		return err
	}
	if err := expect("the type", read.Type, corev1.SecretTypeOpaque); err != nil {
		return err
	}
	if err := secrets.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "a=b"}); err != nil {
		return err
	}
	_, err = secrets.Get(ctx, "typed", metav1.GetOptions{})
	return expect("whether it is gone", apierrors.IsNotFound(err), true)
}

func patches(ctx context.Context, env *environment) error {
	maps := env.typed.CoreV1().ConfigMaps(env.namespace)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "patched"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	for kind, body := range map[types.PatchType]string{
		types.MergePatchType:          `{"data":{"merge":"1"}}`,
		types.StrategicMergePatchType: `{"metadata":{"labels":{"strategic":"1"}}}`,
		types.JSONPatchType:           `[{"op":"add","path":"/metadata/annotations","value":{"json":"1"}}]`,
	} {
		if _, err := maps.Patch(ctx, "patched", kind, []byte(body), metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	read, err := maps.Get(ctx, "patched", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return expect("the outcome", read.Data["merge"]+read.Labels["strategic"]+read.Annotations["json"], "111")
}

func applyConfigurations(ctx context.Context, env *environment) error {
	maps := env.typed.CoreV1().ConfigMaps(env.namespace)
	apply := func(manager string, data map[string]string) error {
		_, err := maps.Apply(ctx, corev1apply.ConfigMap("applied", env.namespace).WithData(data), metav1.ApplyOptions{FieldManager: manager})
		return err
	}
	if err := apply("first", map[string]string{"a": "1", "b": "1"}); err != nil {
		return err
	}
	if err := expect("whether the second conflicts", apierrors.IsConflict(apply("second", map[string]string{"a": "2"})), true); err != nil {
		return err
	}
	if err := apply("first", map[string]string{"a": "1"}); err != nil {
		return err
	}
	read, err := maps.Get(ctx, "applied", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := expect("the data", read.Data, map[string]string{"a": "1"}); err != nil {
		return err
	}
	own, err := corev1apply.ExtractConfigMap(read, "first")
	if err != nil {
		return err
	}
	return expect("what the first applied", own.Data, map[string]string{"a": "1"})
}

func knownErrors(ctx context.Context, env *environment) error {
	maps := env.typed.CoreV1().ConfigMaps(env.namespace)
	first, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "raced"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "raced"}}, metav1.CreateOptions{})
	if err := expect("a duplicate", apierrors.IsAlreadyExists(err), true); err != nil {
		return err
	}
	second := first.DeepCopy()
	second.Data = map[string]string{"a": "b"}
	if _, err = maps.Update(ctx, second, metav1.UpdateOptions{}); err != nil {
		return err
	}
	_, err = maps.Update(ctx, second, metav1.UpdateOptions{})
	if err := expect("a stale update", apierrors.IsConflict(err), true); err != nil {
		return err
	}
	_, err = maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Bad_Name"}}, metav1.CreateOptions{})
	return expect("a bad name", apierrors.IsInvalid(err), true)
}

func sharedInformer(ctx context.Context, env *environment) error {
	maps := env.typed.CoreV1().ConfigMaps(env.namespace)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "followed"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(env.typed, 0, informers.WithNamespace(env.namespace))
	informer := factory.Core().V1().ConfigMaps()
	deleted := make(chan string, 10)
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		DeleteFunc: func(object any) { deleted <- object.(*corev1.ConfigMap).Name },
	}); err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	factory.Start(stop)
	for _, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("the cache does not sync")
		}
	}
	if _, err := informer.Lister().ConfigMaps(env.namespace).Get("followed"); err != nil {
		return err
	}
	if err := maps.Delete(ctx, "followed", metav1.DeleteOptions{}); err != nil {
		return err
	}
	select {
	case name := <-deleted:
		return expect("what was deleted", name, "followed")
	case <-ctx.Done():
		return fmt.Errorf("the deletion was not heard of")
	}
}

func pages(ctx context.Context, env *environment) error {
	maps := env.typed.CoreV1().ConfigMaps(env.namespace)
	for i := range 25 {
		one := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("page-%02d", i), Labels: map[string]string{"in": "pages"}}}
		if _, err := maps.Create(ctx, one, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	gatherer := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return maps.List(ctx, options)
	})
	gatherer.PageSize = 10
	count := 0
	err := gatherer.EachListItem(ctx, metav1.ListOptions{LabelSelector: "in=pages"}, func(runtime.Object) error {
		count++
		return nil
	})
	if err != nil {
		return err
	}
	return expect("the number of objects", count, 25)
}

func tokens(ctx context.Context, env *environment) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}
	if _, err := env.typed.CoreV1().ServiceAccounts(env.namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return err
	}
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list"}}},
	}
	if _, err := env.typed.RbacV1().Roles(env.namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "robot"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "robot", Namespace: env.namespace}},
	}
	if _, err := env.typed.RbacV1().RoleBindings(env.namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	seconds := int64(600)
	token, err := env.typed.CoreV1().ServiceAccounts(env.namespace).CreateToken(ctx, "robot",
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	config := rest.AnonymousClientConfig(env.config)
	config.BearerToken = token.Status.Token
	robot, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if _, err := robot.CoreV1().ConfigMaps(env.namespace).List(ctx, metav1.ListOptions{}); err != nil {
		return err
	}
	_, err = robot.CoreV1().Secrets(env.namespace).List(ctx, metav1.ListOptions{})
	if err := expect("whether Secrets are forbidden", apierrors.IsForbidden(err), true); err != nil {
		return err
	}
	review, err := robot.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: env.namespace, Verb: "get", Resource: "configmaps"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return expect("whether it may", review.Status.Allowed, true)
}

func election(ctx context.Context, env *environment) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	led := make(chan string, 2)
	run := func(identity string) error {
		lock, err := resourcelock.New(resourcelock.LeasesResourceLock, env.namespace, "leader",
			env.typed.CoreV1(), env.typed.CoordinationV1(), resourcelock.ResourceLockConfig{Identity: identity})
		if err != nil {
			return err
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(leading context.Context) { led <- identity; <-leading.Done() },
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return err
		}
		first, resign := context.WithCancel(running)
		go elector.Run(first)
		select {
		case <-led:
		case <-ctx.Done():
			resign()
			return fmt.Errorf("%s never leads", identity)
		}
		resign()
		return nil
	}
	if err := run("first"); err != nil {
		return err
	}
	return run("second")
}

func recorder(ctx context.Context, env *environment) error {
	subject, err := env.typed.CoreV1().ConfigMaps(env.namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "subject"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	subject.APIVersion, subject.Kind = "v1", "ConfigMap"
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: env.typed.EventsV1()})
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		return err
	}
	defer broadcaster.Shutdown()
	speaker := broadcaster.NewRecorder(env.scheme, "example.com/speaker")
	for range 3 {
		speaker.Eventf(subject, nil, corev1.EventTypeNormal, "Spoken", "Speaking", "it said %s", "hello")
	}
	return until(ctx, "the event", func() (bool, error) {
		list, err := env.typed.CoreV1().Events(env.namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=subject,reason=Spoken"})
		if err != nil || len(list.Items) == 0 {
			return false, err
		}
		one := list.Items[0]
		return one.Series != nil && one.ReportingController == "example.com/speaker" && one.Message == "it said hello", nil
	})
}

func discovery(_ context.Context, env *environment) error {
	groups, resources, err := env.typed.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, group := range groups {
		found[group.Name] = true
	}
	for _, name := range []string{"", "events.k8s.io", "coordination.k8s.io", "rbac.authorization.k8s.io", "apiextensions.k8s.io"} {
		if !found[name] {
			return fmt.Errorf("there is no group %q", name)
		}
	}
	if len(resources) < len(groups) {
		return fmt.Errorf("%d groups, but %d lists of resources", len(groups), len(resources))
	}
	_, err = env.typed.Discovery().OpenAPIV3().Paths()
	return err
}
