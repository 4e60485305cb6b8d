using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// <c>--demo</c>: the traffic of a small shop, sent to this process's own OTLP/HTTP port ten times a second, so that a
/// newcomer sees numbers at once.
/// <code>
///   frontend ─► cart ─► cart-db
///       └─────► checkout ─► payment (a third party: no spans)
///                   └─ orders queue ─► shipping
/// </code>
/// </summary>
public static class DemoTraffic
{
    private const int Client = 3, Server = 2, Producer = 4, Consumer = 5;

    private static readonly string[] s_products = ["/product/chair", "/product/lamp", "/product/table"];

    /// <summary>Sends until <paramref name="stop"/>; refused requests are simply missing from the demo.</summary>
    public static async Task RunAsync(IPEndPoint otlpHttp, TimeProvider time, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://{otlpHttp}") };
        var random = new Random();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100), time);
        try
        {
            do
            {
                using var body = new ByteArrayContent(Request(random, time.GetUtcNow()));
                body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                using var response = await client.PostAsync("/v1/traces", body, stop);
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException)
        {
            // The process is stopping, or the receiver requires TLS: the demo ends.
        }
    }

    private static byte[] Request(Random random, DateTimeOffset now)
    {
        var trace = new Trace(random, now);
        var product = s_products[random.Next(s_products.Length)];
        var failed = random.Next(50) == 0;
        var page = trace.Add("frontend", "GET " + product[..9] + "{name}", Server, null, 5 + random.Next(200));
        var toCart = trace.Add("frontend", "GET cart", Client, page, 4 + random.Next(30));
        var cart = trace.Add("cart", "GET /cart", Server, toCart, 3 + random.Next(20));
        trace.Add("cart", "SELECT items", Client, cart, 1 + random.Next(9), ("db.system", "postgresql"), ("db.name", "cart-db"));
        if (random.Next(3) == 0)
        {
            var toCheckout = trace.Add("frontend", "POST checkout", Client, page, 50 + random.Next(400), failed);
            var checkout = trace.Add("checkout", "POST /checkout", Server, toCheckout, 40 + random.Next(300), failed);
            trace.Add("checkout", "POST charge", Client, checkout, 20 + random.Next(250), failed, ("peer.service", "payment"));
            if (!failed)
            {
                var publish = trace.Add("checkout", "publish orders", Producer, checkout, 2);
                trace.Add("shipping", "process orders", Consumer, publish, 10 + random.Next(60));
            }
        }

        return trace.ToJson();
    }

    private sealed class Trace(Random random, DateTimeOffset now)
    {
        private readonly string _traceId = Hex(random, 16);
        private readonly Dictionary<string, List<Dictionary<string, object>>> _spans = [];

        public string Add(string service, string name, int kind, string? parent, int milliseconds, params (string Key, string Value)[] attributes) =>
            Add(service, name, kind, parent, milliseconds, failed: false, attributes);

        public string Add(string service, string name, int kind, string? parent, int milliseconds, bool failed, params (string Key, string Value)[] attributes)
        {
            var spanId = Hex(random, 8);
            if (!_spans.TryGetValue(service, out var spans))
                _spans[service] = spans = [];
            spans.Add(new()
            {
                ["traceId"] = _traceId,
                ["spanId"] = spanId,
                ["parentSpanId"] = parent ?? "",
                ["name"] = name,
                ["kind"] = kind,
                ["startTimeUnixNano"] = Nanos(now.AddMilliseconds(-milliseconds)),
                ["endTimeUnixNano"] = Nanos(now),
                ["attributes"] = attributes.Select(a => Attribute(a.Key, a.Value)),
                ["status"] = failed ? new { code = 2, message = "declined" } : new { code = 0, message = "" },
            });
            return spanId;
        }

        public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(new
        {
            resourceSpans = _spans.Select(service => new
            {
                resource = new { attributes = new[] { Attribute("service.name", service.Key), Attribute("service.namespace", "shop") } },
                scopeSpans = new[] { new { spans = service.Value } },
            }),
        });

        private static object Attribute(string key, string value) => new { key, value = new { stringValue = value } };

        private static string Nanos(DateTimeOffset time) =>
            ((time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick).ToString(System.Globalization.CultureInfo.InvariantCulture);

        private static string Hex(Random random, int bytes)
        {
            var id = new byte[bytes];
            random.NextBytes(id);
            return Convert.ToHexStringLower(id);
        }
    }
}
