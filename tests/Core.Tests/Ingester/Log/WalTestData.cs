using System.Security.Cryptography;
using OrleansTempo.Core.Ingester.Log;

namespace OrleansTempo.Core.Tests.Ingester.Log;

/// <summary>Tenants, requests and replayed records for the tests of both logs.</summary>
internal static class WalTestData
{
    public static readonly TenantId Acme = Tenant("acme");

    public static readonly TenantId Globex = Tenant("globex.example-1");

    public static TenantId Tenant(string name) => TenantId.TryParse(name, out var tenant, out var error) ? tenant : throw new ArgumentException(error, nameof(name));

    /// <summary>A request that is unique for each number.</summary>
    public static byte[] Request(int number, int length)
    {
        var request = new byte[length];
        new Random(number).NextBytes(request);
        return request;
    }

    /// <summary>All records as <c>tenant:hex</c>, long ones by their checksum.</summary>
    public static async Task<(ReplayResult Result, List<string> Records)> ReplayedAsync(this IWriteAheadLog log)
    {
        var records = new List<string>();
        var result = await log.ReplayAsync(
            record =>
            {
                records.Add(Text(record.Tenant, record.Request.Span));
                return default;
            },
            CancellationToken.None);
        return (result, records);
    }

    public static string Text(TenantId tenant, ReadOnlySpan<byte> request) =>
        $"{tenant}:{(request.Length <= 32 ? Convert.ToHexString(request) : Convert.ToHexString(SHA256.HashData(request)))}";
}
