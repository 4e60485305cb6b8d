using System.Globalization;
using System.Net.Http.Headers;

namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>What a remote end says it has written of a 2.0 request, by the <c>X-Prometheus-Remote-Write-*-Written</c> headers.</summary>
internal readonly record struct WrittenCounts(int Samples, int Histograms, int Exemplars)
{
    public int AllSamples => Samples + Histograms;

    public static WrittenCounts AllOf(RemoteWriteRequest request) => new(request.Samples, request.Histograms, request.Exemplars);

    /// <summary>Null where none of the headers is there: a remote end that knows 2.0 sends them. One alone that is missing means 0.</summary>
    public static WrittenCounts? Read(HttpResponseHeaders headers)
    {
        var samples = Read(headers, "X-Prometheus-Remote-Write-Samples-Written");
        var histograms = Read(headers, "X-Prometheus-Remote-Write-Histograms-Written");
        var exemplars = Read(headers, "X-Prometheus-Remote-Write-Exemplars-Written");
        return samples is null && histograms is null && exemplars is null ? null : new(samples ?? 0, histograms ?? 0, exemplars ?? 0);
    }

    /// <summary>No more than what was sent, whatever the remote end says.</summary>
    public WrittenCounts Within(RemoteWriteRequest request) =>
        new(Math.Min(Samples, request.Samples), Math.Min(Histograms, request.Histograms), Math.Min(Exemplars, request.Exemplars));

    private static int? Read(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) && int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;
}
