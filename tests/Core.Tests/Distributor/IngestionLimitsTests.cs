using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Distributor;

namespace OrleansTempo.Core.Tests.Distributor;

public sealed class IngestionLimitsTests
{
    [Fact]
    public void Every_limit_is_taken_from_the_configuration()
    {
        var limits = IngestionLimits.Of(
            new DistributorOptions { RetryAfterOnResourceExhausted = TimeSpan.FromSeconds(4) },
            new TenantOverrides { Ingestion = new() { RateLimitBytes = 1, BurstSizeBytes = 2, MaxAttributeBytes = 3 } });

        Assert.Equal(new IngestionLimits { RateLimitBytes = 1, BurstSizeBytes = 2, MaxAttributeBytes = 3, RetryAfter = TimeSpan.FromSeconds(4) }, limits);

        // A limit that is new and forgotten in Of, or here, has its type's default.
        var none = default(IngestionLimits);
        Assert.All(typeof(IngestionLimits).GetProperties(), limit => Assert.NotEqual(limit.GetValue(none), limit.GetValue(limits)));
    }
}
