using System.Text;
using BenchmarkDotNet.Attributes;
using OrleansTempo.Core.Generator.SpanNames;

namespace OrleansTempo.Bench.Micro;

/// <summary>Measures <c>span_name_sanitization</c> for one span whose name has a known template.</summary>
public class SpanNameBenchmarks
{
    private const int Names = 100_000;

    private static readonly string[] s_kinds =
    [
        "GET /users/{0}", "POST /api/v2/orders/{0}/items/{1}", "SELECT * FROM invoices_{0} WHERE id = {1}", "shop.CartService/AddItem",
        "DELETE /files/{2}/versions/{0}", "process job {2}", "publish orders.{0}", "GET /static/js/main.{1}.js",
    ];

    private readonly byte[][] _seen = [.. Some(200)];
    private readonly byte[][] _new = [.. Some(Names)];
    private readonly SpanNameSanitizer _names = new();

    [GlobalSetup]
    public void Setup()
    {
        _names.Begin(1, 900_000);
        if (NewNames() == 0 || SeenNames() == 0)
            throw new InvalidOperationException("The names have no templates.");
    }

    /// <summary>200 names that repeat.</summary>
    [Benchmark(OperationsPerInvoke = Names)]
    public int SeenNames()
    {
        var length = 0;
        for (var i = 0; i < Names; i++)
            length += _names.Sanitize(_seen[i % _seen.Length]).Length;
        return length;
    }

    /// <summary>Names with data that was not seen recently.</summary>
    [Benchmark(OperationsPerInvoke = Names)]
    public int NewNames()
    {
        var length = 0;
        foreach (var name in _new)
            length += _names.Sanitize(name).Length;
        return length;
    }

    private static IEnumerable<byte[]> Some(int count)
    {
        var random = new Random(1);
        var id = new byte[16];
        for (var i = 0; i < count; i++)
        {
            random.NextBytes(id);
            yield return Encoding.UTF8.GetBytes(string.Format(null, s_kinds[i % s_kinds.Length], random.Next(1_000_000), $"{random.Next():x8}", new Guid(id)));
        }
    }
}
