using System.Globalization;
using System.Net.Http.Headers;

namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>How much of a 2.0 request a remote end reports as written, in the <c>X-Prometheus-Remote-Write-*-Written</c> headers.</summary>
internal readonly record struct WrittenCounts(int Samples, int Histograms, int Exemplars)
{
    public int AllSamples => Samples + Histograms;

    public static WrittenCounts AllOf(RemoteWriteRequest request) => new(request.Samples, request.Histograms, request.Exemplars);

    /// <summary>Reads the headers. Null if all are missing, because a remote end that knows 2.0 sends them; a single missing one means 0.</summary>
    public static WrittenCounts? Read(HttpResponseHeaders headers)
    {
        var samples = Read(headers, "X-Prometheus-Remote-Write-Samples-Written");
        var histograms = Read(headers, "X-Prometheus-Remote-Write-Histograms-Written");
        var exemplars = Read(headers, "X-Prometheus-Remote-Write-Exemplars-Written");
        return samples is null && histograms is null && exemplars is null ? null : new(samples ?? 0, histograms ?? 0, exemplars ?? 0);
    }

    /// <summary>The counts, limited to what was sent, whatever the remote end reports.</summary>
    public WrittenCounts Within(RemoteWriteRequest request) =>
        new(Math.Min(Samples, request.Samples), Math.Min(Histograms, request.Histograms), Math.Min(Exemplars, request.Exemplars));

    private static int? Read(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) && int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;
}
