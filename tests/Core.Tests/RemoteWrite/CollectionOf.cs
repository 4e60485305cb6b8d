using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.RemoteWrite;

/// <summary>Makes collections for tests of the queue.</summary>
internal static class CollectionOf
{
    /// <summary>When the clock of the tests starts.</summary>
    public const long StartMs = 1_780_000_000_000;

    /// <summary>One request for each service, the collection's number as value, so many seconds after the clock's start.</summary>
    public static List<RemoteWriteRequest> Services(int number, params string[] services)
    {
        var timestampMs = StartMs + (number * 1000);
        using var encoder = new WriteRequestEncoder(new() { MaxSamplesPerSend = 1 }, timestampMs);
        foreach (var service in services)
            encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("service", service)), Name = SeriesOf.Calls, Value = number, TimestampMs = timestampMs });
        return [.. encoder.Finish()];
    }

    /// <summary>A request of <see cref="Services"/> as <c>service=number</c>.</summary>
    public static string Text(RemoteWriteRequest request)
    {
        var series = Assert.Single(SeriesOf.Parse(request.Body.ToArray()).Timeseries);
        return $"{series.Labels[^1].Value}={series.Samples[^1].Value}";
    }
}
