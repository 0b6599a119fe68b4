package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.concurrent.TimeUnit;
import ordertrail.v1.CancelOrderRequest;
import ordertrail.v1.HistoryEvent;
import ordertrail.v1.ListOrderEventsRequest;
import ordertrail.v1.Money;
import ordertrail.v1.OrderCommandServiceGrpc;
import ordertrail.v1.OrderHistoryServiceGrpc;
import ordertrail.v1.OrderedLine;
import ordertrail.v1.PlaceOrderRequest;
import ordertrail.v1.Receipt;

/** Places an order, reads its events, and sends a command that is refused. */
public final class Client {
  public static void main(String[] arguments) throws Exception {
    var channel = Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
    try {
      show(
          OrderCommandServiceGrpc.newBlockingStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS),
          OrderHistoryServiceGrpc.newBlockingStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS));
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  private static void show(
      OrderCommandServiceGrpc.OrderCommandServiceBlockingStub commands,
      OrderHistoryServiceGrpc.OrderHistoryServiceBlockingStub history)
      throws InvalidProtocolBufferException {
    var price = Money.newBuilder().setCurrencyCode("EUR").setUnits(5).setNanos(200_000_000);
    var order =
        PlaceOrderRequest.newBuilder()
            .setRequestId("java-1") // a retry with the same id gets the same receipt
            .setCustomerId("shop-java")
            .addLines(OrderedLine.newBuilder().setProductId("p_1").setQuantity(2).setUnitPrice(price));
    Receipt receipt = commands.placeOrder(order.build()).getReceipt();
    System.out.println("placed, version " + receipt.getOrderVersion());

    var query =
        ListOrderEventsRequest.newBuilder()
            .setOrderId(receipt.getOrderId())
            .addAtLeastAsFresh(receipt.getConsistencyToken());
    for (HistoryEvent event : history.listOrderEvents(query.build()).getEventsList()) {
      System.out.println("event " + event.getOrderVersion() + ", " + event.getEventCase());
    }

    try {
      commands.cancelOrder(
          CancelOrderRequest.newBuilder().setOrderId(receipt.getOrderId()).setExpectedVersion(7).build());
    } catch (StatusRuntimeException refusal) {
      System.out.println("refused, " + reason(refusal));
    }
  }

  /** Returns the reason of a refusal: the name of an ErrorReason without the prefix ERROR_REASON_. */
  private static String reason(StatusRuntimeException refusal) throws InvalidProtocolBufferException {
    for (Any detail : StatusProto.fromThrowable(refusal).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        return detail.unpack(ErrorInfo.class).getReason();
      }
    }
    return "without an Ordertrail reason: " + refusal.getMessage();
  }
}
