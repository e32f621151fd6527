// cri asks a container runtime for what a kubelet asks of it: sandboxes of pods, over the CRI.
//
//	cri SOCKET ready                                    ends with 0 once the runtime and its network are ready
//	cri SOCKET run NAME NAMESPACE FOLDER [KEY=VALUE..]  starts a sandbox with annotations, prints its id
//	cri SOCKET addresses ID                             prints its addresses, one a line
//	cri SOCKET stop|remove ID                           ends it; repeated it succeeds
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const patience = time.Minute

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("cri SOCKET ready|run|addresses|stop|remove ..")
	}
	connection, err := grpc.NewClient("unix://"+arguments[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	runtime := cri.NewRuntimeServiceClient(connection)
	verb, rest := arguments[1], arguments[2:]
	switch {
	case verb == "ready":
		return ready(ctx, runtime)
	case verb == "run" && len(rest) >= 3:
		return runSandbox(ctx, runtime, rest[0], rest[1], rest[2], rest[3:])
	case verb == "addresses" && len(rest) == 1:
		return addresses(ctx, runtime, rest[0])
	case verb == "stop" && len(rest) == 1:
		_, err := runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: rest[0]})
		return err
	case verb == "remove" && len(rest) == 1:
		_, err := runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: rest[0]})
		return err
	default:
		return fmt.Errorf("cri: %s with %d arguments is no request", verb, len(rest))
	}
}

func ready(ctx context.Context, runtime cri.RuntimeServiceClient) error {
	answer, err := runtime.Status(ctx, &cri.StatusRequest{})
	if err != nil {
		return err
	}
	for _, condition := range answer.GetStatus().GetConditions() {
		if !condition.Status {
			return fmt.Errorf("%s: %s: %s", condition.Type, condition.Reason, condition.Message)
		}
	}
	return nil
}

func runSandbox(ctx context.Context, runtime cri.RuntimeServiceClient, name, namespace, folder string, pairs []string) error {
	annotations := map[string]string{}
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("cri: annotation %q is no KEY=VALUE", pair)
		}
		annotations[key] = value
	}
	answer, err := runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: namespace, Uid: namespace + "-" + name},
		Annotations:  annotations,
		LogDirectory: folder,
		Linux:        &cri.LinuxPodSandboxConfig{},
	}})
	if err != nil {
		return err
	}
	fmt.Println(answer.GetPodSandboxId())
	return nil
}

func addresses(ctx context.Context, runtime cri.RuntimeServiceClient, id string) error {
	answer, err := runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id})
	if err != nil {
		return err
	}
	network := answer.GetStatus().GetNetwork()
	if network.GetIp() != "" {
		fmt.Println(network.GetIp())
	}
	for _, other := range network.GetAdditionalIps() {
		fmt.Println(other.GetIp())
	}
	return nil
}
