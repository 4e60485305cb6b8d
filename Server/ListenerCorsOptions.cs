namespace OrleansTempo.Server;

/// <summary>Which web pages may send spans from a browser, as the OpenTelemetry Collector's <c>cors</c> block has it.</summary>
public sealed record ListenerCorsOptions
{
    /// <summary>Origins with their scheme; <c>*</c> in one stands for any characters, and alone for every origin. Empty turns CORS off.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Request headers allowed beyond those that browsers always allow and <c>Content-Type</c>; <c>*</c> for any.</summary>
    public IReadOnlyList<string> AllowedHeaders { get; init; } = [];

    /// <summary>How long a browser may keep a preflight's answer; zero leaves it to the browser.</summary>
    public TimeSpan MaxAge { get; init; }
}
