// Places an order, reads its events, and sends a command that is refused.
//
//	go run . HOST:PORT
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	ordertrailv1 "example.com/orders/gen/ordertrail/v1"
)

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(transport()))
	check(err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	commands := ordertrailv1.NewOrderCommandServiceClient(connection)
	history := ordertrailv1.NewOrderHistoryServiceClient(connection)

	placed, err := commands.PlaceOrder(ctx, &ordertrailv1.PlaceOrderRequest{
		RequestId:  "go-1", // a retry with the same id gets the same receipt
		CustomerId: "shop-go",
		Lines: []*ordertrailv1.OrderedLine{{
			ProductId: "p_1",
			Quantity:  2,
			UnitPrice: &ordertrailv1.Money{CurrencyCode: "EUR", Units: 5, Nanos: 200_000_000},
		}},
	})
	check(err)
	receipt := placed.GetReceipt()
	fmt.Println("placed, version", receipt.GetOrderVersion())

	listed, err := history.ListOrderEvents(ctx, &ordertrailv1.ListOrderEventsRequest{
		Subject:        &ordertrailv1.ListOrderEventsRequest_OrderId{OrderId: receipt.GetOrderId()},
		AtLeastAsFresh: []string{receipt.GetConsistencyToken()},
	})
	check(err)
	for _, event := range listed.GetEvents() {
		fmt.Printf("event %d, %T\n", event.GetOrderVersion(), event.GetEvent())
	}

	version := int64(7)
	_, err = commands.CancelOrder(ctx, &ordertrailv1.CancelOrderRequest{
		OrderId:         receipt.GetOrderId(),
		ExpectedVersion: &version,
	})
	fmt.Println("refused,", reason(err))
}

// transport returns TLS with the authorities in the file ORDERTRAIL_TLS_CA, or no TLS without that variable.
func transport() credentials.TransportCredentials {
	file := os.Getenv("ORDERTRAIL_TLS_CA")
	if file == "" {
		return insecure.NewCredentials()
	}
	tls, err := credentials.NewClientTLSFromFile(file, "")
	check(err)
	return tls
}

// reason returns the reason of a refusal: the name of an ErrorReason without the prefix ERROR_REASON_.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return "without an Ordertrail reason: " + err.Error()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
