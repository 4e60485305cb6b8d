using OrleansTempo.Server.Configuration.Yaml;

namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>Collects what is wrong with one file while it is being read, so that all of it can be told at once.</summary>
internal sealed class Problems(string file)
{
    private readonly List<ConfigurationProblem> _errors = [];
    private readonly List<ConfigurationProblem> _warnings = [];

    public bool Any => _errors.Count > 0;

    /// <summary>Errors and warnings so far.</summary>
    public int Count => _errors.Count + _warnings.Count;

    public void Error(SourcePosition position, string message) => _errors.Add(Problem(position, message));

    public void Warn(SourcePosition position, string message) => _warnings.Add(Problem(position, message));

    public ConfigurationResult<T> Result<T>(T? value)
        where T : class => new()
        {
            Value = Any ? null : value,
            Errors = InOrder(_errors),
            Warnings = InOrder(_warnings),
        };

    private ConfigurationProblem Problem(SourcePosition position, string message) => new(file, position.Line, position.Column, message);

    private static ConfigurationProblem[] InOrder(List<ConfigurationProblem> problems) => [.. problems.OrderBy(p => p.Line).ThenBy(p => p.Column)];
}
