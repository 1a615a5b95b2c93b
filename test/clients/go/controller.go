package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// controller-runtime, as kubebuilder's programs use it.
var controllerChecks = []check{
	{"a definition is created and established", define},
	{"a controller with finalizer, owned object, status and leader election", reconcile},
}

func define(ctx context.Context, env *environment) error {
	direct, err := client.New(env.config, client.Options{Scheme: env.scheme})
	if err != nil {
		return err
	}
	definition := shipDefinition()
	if err := direct.Create(ctx, definition); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return until(ctx, "Established", func() (bool, error) {
		if err := direct.Get(ctx, client.ObjectKeyFromObject(definition), definition); err != nil {
			return false, err
		}
		for _, condition := range definition.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
}

const anchor = "ships.example.com/anchor"

// Keeps a ConfigMap for each Ship and says so in its status.
type shipReconciler struct{ client.Client }

func (r *shipReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	ship := &Ship{}
	if err := r.Get(ctx, request.NamespacedName, ship); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !ship.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(ship, anchor) {
			return ctrl.Result{}, r.Update(ctx, ship)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(ship, anchor) {
		if err := r.Update(ctx, ship); err != nil {
			return ctrl.Result{}, err
		}
	}
	log := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: ship.Name, Namespace: ship.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, log, func() error {
		log.Data = map[string]string{"sails": fmt.Sprint(ship.Spec.Sails)}
		return controllerutil.SetControllerReference(ship, log, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	before := ship.DeepCopyObject().(*Ship)
	ship.Status.ObservedGeneration = ship.Generation
	meta.SetStatusCondition(&ship.Status.Conditions, metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Logged", ObservedGeneration: ship.Generation})
	return ctrl.Result{}, r.Status().Patch(ctx, ship, client.MergeFrom(before))
}

func reconcile(ctx context.Context, env *environment) error {
	leave := 3 * time.Second
	manager, err := ctrl.NewManager(env.config, ctrl.Options{
		Scheme: env.scheme, LeaderElection: true, LeaderElectionID: "ships", LeaderElectionNamespace: env.namespace,
		LeaderElectionReleaseOnCancel: true, GracefulShutdownTimeout: &leave,
		Metrics: server.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{env.namespace: {}}},
	})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).For(&Ship{}).Owns(&corev1.ConfigMap{}).Complete(&shipReconciler{manager.GetClient()})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(running) }()
	err = sail(ctx, env)
	stop()
	if after := <-ended; err == nil {
		err = after
	}
	return err
}

// What its user does meanwhile.
func sail(ctx context.Context, env *environment) error {
	direct, err := client.New(env.config, client.Options{Scheme: env.scheme})
	if err != nil {
		return err
	}
	ship := &Ship{ObjectMeta: metav1.ObjectMeta{Name: "argo", Namespace: env.namespace}, Spec: ShipSpec{Sails: 1}}
	if err := direct.Create(ctx, ship); err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(ship)
	log := &corev1.ConfigMap{}
	logged := func(sails string) func() (bool, error) {
		return func() (bool, error) {
			if err := direct.Get(ctx, key, log); err != nil {
				return false, client.IgnoreNotFound(err)
			}
			if err := direct.Get(ctx, key, ship); err != nil {
				return false, err
			}
			ready := meta.IsStatusConditionTrue(ship.Status.Conditions, "Ready") && ship.Status.ObservedGeneration == ship.Generation
			return ready && log.Data["sails"] == sails, nil
		}
	}
	if err := until(ctx, "the log of one sail", logged("1")); err != nil {
		return err
	}
	before := ship.DeepCopyObject().(*Ship)
	ship.Spec.Sails = 2
	if err := direct.Patch(ctx, ship, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	if err := until(ctx, "the log of two sails", logged("2")); err != nil {
		return err
	}
	if err := direct.Delete(ctx, log); err != nil {
		return err
	}
	if err := until(ctx, "the log after it was deleted", logged("2")); err != nil {
		return err
	}
	if err := direct.Delete(ctx, ship, client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		return err
	}
	if err := until(ctx, "the end of the ship", func() (bool, error) {
		err := direct.Get(ctx, key, ship)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}); err != nil {
		return err
	}
	err = direct.Get(ctx, key, log)
	return expect("whether its log went before it", apierrors.IsNotFound(err), true)
}
