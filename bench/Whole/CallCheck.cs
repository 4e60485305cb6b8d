using System.Globalization;
using OrleansTempo.Bench.Load;

namespace OrleansTempo.Bench.Whole;

/// <summary>Counts the grain calls that the spans of a row caused, and the messages between silos.</summary>
internal sealed class CallCheck(HttpClient http, Servers servers)
{
    private double _calls, _bytes;
    private long _spans;

    public static IReadOnlyList<string> Columns { get; } = ["grain calls per span", "grain calls per request", "bytes between silos per span"];

    public IReadOnlyList<string> Cells =>
    [
        Text($"{_calls / _spans:F4}"),
        Text($"{_calls / _spans * SpansPerRequest:F2}"),
        servers.All.Count == 1 ? "-" : Text($"{_bytes / _spans:F0}"),
    ];

    private int SpansPerRequest { get; set; }

    public async Task ReadAsync(LoadResult sent)
    {
        SpansPerRequest = sent.Options.SpansPerRequest;
        _spans = sent.SpansAccepted;
        _calls = await servers.OwnAsync(http, "tempo_distributor_grain_calls_total");
        _bytes = await servers.OwnAsync(http, "orleans_messaging_received_messages_size_sum");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
