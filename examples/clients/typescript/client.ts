// Places an order, reads its events, and sends a command that is refused.
//
//   node build/client.js HOST:PORT
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { OrderCommandService } from "./gen/ordertrail/v1/order_command_service_pb.js";
import { OrderHistoryService } from "./gen/ordertrail/v1/order_history_service_pb.js";

const transport = createGrpcTransport({ baseUrl: `http://${process.argv[2]}`, defaultTimeoutMs: 30_000 });
const commands = createClient(OrderCommandService, transport);
const history = createClient(OrderHistoryService, transport);

const { receipt } = await commands.placeOrder({
  requestId: "typescript-1", // a retry with the same id gets the same receipt
  customerId: "shop-typescript",
  lines: [{ productId: "p_1", quantity: 2n, unitPrice: { currencyCode: "EUR", units: 5n, nanos: 200_000_000 } }],
});
if (receipt === undefined) {
  throw new Error("the response has no receipt");
}
console.log(`placed, version ${receipt.orderVersion}`);

const { events } = await history.listOrderEvents({
  subject: { case: "orderId", value: receipt.orderId },
  atLeastAsFresh: [receipt.consistencyToken],
});
for (const { orderVersion, event } of events) {
  console.log(`event ${orderVersion}, ${event.case}`);
}

try {
  await commands.cancelOrder({ orderId: receipt.orderId, expectedVersion: 7n });
} catch (error) {
  console.log(`refused, ${reason(ConnectError.from(error))}`);
}

// Returns the reason of a refusal: the name of an ErrorReason without the prefix ERROR_REASON_.
function reason(error: ConnectError): string {
  const [info] = error.findDetails(ErrorInfoSchema);
  return info?.reason ?? `without an Ordertrail reason: ${error.message}`;
}
