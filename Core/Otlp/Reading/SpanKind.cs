namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>A span's role, numbered as on the wire; other numbers are kept as they came.</summary>
public enum SpanKind
{
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}
