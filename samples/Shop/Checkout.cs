using System.Diagnostics;
using OrleansTempo.Core;

namespace OrleansTempo.Shop;

/// <summary>The checkout of the shop, with a span for each step.</summary>
internal static class Checkout
{
    public const string SourceName = "OrleansTempo.Shop";

    private static readonly ActivitySource s_source = new(SourceName, "1.0");

    /// <summary>Sells something; every fourth payment is refused.</summary>
    /// <returns>The ID of its trace.</returns>
    public static async Task<ActivityTraceId> SellAsync(int order)
    {
        using var checkout = s_source.StartActivity("POST /checkout", ActivityKind.Server)
            ?? throw new InvalidOperationException($"Nobody listens to {SourceName}.");
        checkout.SetTag("order.id", order).SetTag("order.items", new[] { "teapot", "cup" });

        using (var query = s_source.StartActivity("SELECT stock", ActivityKind.Client))
        {
            query?.SetTag("db.system", "postgresql");
            await Task.Delay(TimeSpan.FromMilliseconds(5));
        }

        using (var payment = s_source.StartActivity("POST /pay", ActivityKind.Client))
        {
            payment?.SetTag("peer.service", "bank");
            await Task.Delay(TimeSpan.FromMilliseconds(20));
            if (order % 4 == 0)
            {
                payment?.AddEvent(new ActivityEvent("refused", tags: new ActivityTagsCollection { ["reason"] = "no money" }));
                payment?.SetStatus(ActivityStatusCode.Error, "the bank refuses");
            }
        }

        return checkout.TraceId;
    }
}
