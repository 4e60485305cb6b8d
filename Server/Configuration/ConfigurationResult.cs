using System.Diagnostics.CodeAnalysis;

namespace OrleansTempo.Server.Configuration;

/// <summary>What came of reading a configuration file: a value and perhaps warnings, or errors, all of them at once and in the file's order.</summary>
public sealed record ConfigurationResult<T>
    where T : class
{
    /// <summary>Null where there are errors.</summary>
    public T? Value { get; init; }

    /// <summary>What the file says in vain; the value is good all the same.</summary>
    public IReadOnlyList<ConfigurationProblem> Warnings { get; init; } = [];

    public IReadOnlyList<ConfigurationProblem> Errors { get; init; } = [];

    [MemberNotNullWhen(true, nameof(Value))]
    public bool Succeeded => Value is not null;
}
